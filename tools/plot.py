"""Draws the curves of trainings from their metrics.csv: loss, learning rate, accuracy, mIoU."""

from __future__ import annotations

import argparse
import sys

from command_line import run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUN", help="the --save_dir of a training, or a metrics.csv")
    add("--output", default="curves.png", help="PNG to write (default: curves.png)")
    add("--group", action="store_true", help="runs whose names differ in a number at the end, as "
        "ann_seed1 and ann_seed2: one line, the mean, in a band of all values")  # fmt: skip
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def plot(args: argparse.Namespace) -> None:
    """Reads the runs, draws them and says where."""
    from paddle_ann import plotting

    names = plotting.labels(args.runs)
    runs = [plotting.read_run(path, name) for path, name in zip(args.runs, names)]
    groups = plotting.grouped(runs) if args.group else [[one] for one in runs]
    plotting.draw(groups, args.output)
    for one in runs:
        print(f"{one.label}: {len(one.columns['iteration'])} rows")
    print(f"Curves: {args.output}")


if __name__ == "__main__":
    sys.exit(run(plot, parser()))
