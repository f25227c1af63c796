"""Looks through a data set: what would break or spoil training, and what mends it. Read-only."""

from __future__ import annotations

import argparse
import sys
import types
from pathlib import Path

from command_line import not_negative, positive, run

_PACKAGE = Path(__file__).resolve().parents[1] / "paddle_ann"


def parser() -> argparse.ArgumentParser:
    """Returns the options: a YAML, or list files, or folders."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    what = parser.add_argument_group("what to check, one of")
    what.add_argument("--config", help="YAML file; its training and validation data sets")
    what.add_argument("--list", metavar="FILE", help="training list, `image mask` in each line")
    what.add_argument("--images", metavar="DIR", help="training images; needs --masks")
    what.add_argument("--benchmark", type=positive, metavar="N", help="time N made-up VOC pairs")
    more = parser.add_argument_group("with these")
    more.add_argument("--opts", nargs="+", metavar="KEY=VALUE", help="settings of the YAML")
    more.add_argument("--val_list", metavar="FILE", help="validation list")
    more.add_argument("--root", metavar="DIR", help="where names in lists begin (default: here)")
    more.add_argument("--masks", metavar="DIR", help="masks, named as the images but for endings")
    more.add_argument("--val_images", metavar="DIR", help="validation images")
    more.add_argument("--val_masks", metavar="DIR", help="validation masks")
    more.add_argument("--num_classes", type=positive, help="ids are 0 to this minus 1")
    more.add_argument("--ignore_index", type=not_negative, help="ignored id (default: 255)")
    out = parser.add_argument_group("what to write")
    out.add_argument("--html", metavar="FILE", help="a page with thumbnails of the worst")
    out.add_argument("--json", metavar="FILE", help="everything found, for programs")
    out.add_argument("--mend", metavar="DIR", help="a mended copy; the originals stay")
    out.add_argument("--mapping", metavar="FILE", help="ids for values and colours (see --json)")
    parser.add_argument("--num_workers", type=not_negative, help="processes (default: all cores)")
    parser.add_argument("--max_pixels", type=positive, help="largest image that is decoded")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def without_paddle() -> None:
    """Lets parts of the package be imported without its __init__, which imports Paddle (seconds).

    Only --config needs Paddle: its data set classes are PaddleSeg's.
    """
    for name in ("paddle_ann", "paddle_ann.datasets"):
        package = types.ModuleType(name)
        package.__path__ = [str(_PACKAGE.parent.joinpath(*name.split(".")))]
        sys.modules.setdefault(name, package)


def check_data(args: argparse.Namespace) -> int:
    """Checks, prints, writes what was asked for, and returns 0 (clean) or 1 (findings)."""
    from paddle_ann.datasets.audit import command

    return command.run(args)


def main() -> int:
    """Runs the command and returns the exit code: 0, 1, 2 for a user's error, 130 for Ctrl-C."""
    options = parser()
    if not options.parse_args().config:
        without_paddle()
    found: list[int] = []
    failed = run(lambda args: found.append(check_data(args)), options)
    return failed or found[0]


if __name__ == "__main__":
    sys.exit(main())
