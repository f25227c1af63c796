"""Measures what `import paddle_ann` gains on a processor by setting Paddle up for it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import command_line

from paddle_ann.benchmark import environment, processor, report
from paddle_ann.cpu import available_cores

MARK = "benchmark-processor"


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options; none is needed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--rounds", type=command_line.positive, default=3, help="processes each (default: 3)")
    add("--quick", action="store_true", help="tiny sizes: tests the machinery, not the speed")
    add("--markdown", type=Path, metavar="PAGE", help="also write the table into this page")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def benchmark(args: argparse.Namespace) -> None:
    """Measures and prints the table."""
    if args.markdown:
        report.around_marks(args.markdown, MARK)  # raises now, not after all the measuring
    cores = available_cores()
    around = environment.describe(cores, "cpu", args.quick)
    names = processor.ways(cores)
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    total = args.rounds * len(names)
    done = processor.measure(args.rounds, cores, args.quick)
    for number, (name, figures) in enumerate(done, 1):
        taken[name].append(figures)
        print(f"[{number}/{total}] {name}", file=sys.stderr, flush=True)
    content = f"{processor.table(taken)}\n\n{report.circumstances(around)}"
    if args.markdown:
        report.insert(args.markdown, MARK, content)
    print(content)


if __name__ == "__main__":
    sys.exit(command_line.run(benchmark, make_parser()))
