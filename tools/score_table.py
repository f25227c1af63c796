"""Sets the scores of several evaluations side by side, as a Markdown table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from command_line import run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("scores", nargs="+", metavar="[NAME=]FILE", help="what tools/val.py --save_json wrote")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def score_table(args: argparse.Namespace) -> None:
    """Reads the files and prints the table; a file without a name is called by its own."""
    from paddle_ann import scores

    contents = {}
    for item in args.scores:
        name, given, path = item.rpartition("=")
        contents[name if given else Path(path).stem] = scores.load(path)
    if len(contents) < len(args.scores):
        raise ValueError("Two files have the same name. Give names: first=a/x.json second=b/x.json")
    print(scores.markdown(contents))


if __name__ == "__main__":
    sys.exit(run(score_table, parser()))
