"""Compares two reports of tools/val.py --report: what differs, with intervals over the images."""

from __future__ import annotations

import argparse
import sys

from command_line import not_negative, positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("a", metavar="A", help="folder that tools/val.py --report wrote")
    add("b", metavar="B", help="another one, of the same images and classes")
    add("--html", metavar="FILE", help="write a page with charts there")
    add("--json", metavar="FILE", help="write the numbers there")
    add("--resamples", type=positive, default=10_000, help="of the images (default: %(default)s)")
    add("--seed", type=not_negative, default=0, help="of the resamples (default: 0)")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def compare(args: argparse.Namespace) -> None:
    """Reads both, compares them and prints the table."""
    from paddle_ann.report import comparing, files, showing

    showing.check_targets(args.html, args.json)
    first, second = files.load(args.a), files.load(args.b)
    found = comparing.compare(first, second, args.resamples, args.seed)
    print(f"A: {found['a']['model']}\nB: {found['b']['model']}\n\n{showing.text(found)}")
    showing.save(found, args.html, args.json)


if __name__ == "__main__":
    sys.exit(run(compare, parser()))
