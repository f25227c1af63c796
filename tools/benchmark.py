"""Times and weighs ANN side by side with PaddleSeg's, a non-local block and PyTorch's."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import command_line

from paddle_ann.benchmark import catalogue, environment, report, results, resume, runner
from paddle_ann.benchmark.case import Row, Settings


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options; none is needed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    positive = command_line.positive
    add = parser.add_argument
    add("--rows", metavar="PATTERN", help="measure only what this regular expression finds")
    add("--list", action="store_true", help="list the rows and end")
    add("--device", choices=["cpu", "gpu"], default="cpu", help="where to compute (default: cpu)")
    add("--graphs", choices=["paddle", "torch"], default="paddle",
        help="torch: compare the two graphs, both transcribed to PyTorch")  # fmt: skip
    add("--quick", action="store_true", help="tiny sizes: tests the machinery, not the speed")
    add("--threads", type=positive, help="threads of each side (default: the cores)")
    add("--rounds", type=positive, default=7, help="rounds of a row at most (default: 7)")
    add("--seconds", type=float, default=30, help="no further round after this (default: 30)")
    add("--train_batch", type=positive, default=2, help="images of a train step (default: 2)")
    add("--eval_batch", type=positive, default=1, help="images of an evaluation (default: 1)")
    add("--no-memory", action="store_true", help="leave out the memory, which takes a process each")
    add("--resume", action="store_true", help="keep the rows that the output folder holds already")
    add("--output", type=Path, default=Path("output/benchmark"), help="where the results go")
    add("--markdown", type=Path, metavar="PAGE", help="also write the tables into this page")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def benchmark(args: argparse.Namespace) -> None:
    """Measures and writes the results."""
    warnings.simplefilter("ignore")  # PaddleSeg's layers warn at every construction
    threads = args.threads or catalogue.default_threads(args.graphs)
    batches = args.train_batch, args.eval_batch
    settings = Settings(args.device, threads, args.graphs, args.quick, *batches)
    catalogue.use_device(settings)
    everything = catalogue.cases(settings)
    cases = catalogue.select(everything, args.rows)
    if args.list:
        print("\n".join(f"{case.group}: {case.name}" for case in cases))
        return
    mark = f"benchmark-{args.graphs}-{args.device}"
    if args.markdown:
        report.around_marks(args.markdown, mark)  # raises now, not after all the measuring
    table, rows = args.output / "benchmark.csv", list[Row]()
    around = environment.describe(threads, args.device, args.quick)
    if args.resume:
        rows, around = resume.load(table, around)
        cases = resume.missing(cases, rows, not args.no_memory)
        rows = resume.keep(rows, cases)
    effort = runner.Effort(args.rounds, args.seconds, not args.no_memory)
    for row in runner.run(cases, settings, effort):
        rows = resume.in_order([*rows, row], everything)
        around.update(environment.end())
        report.write_csv(rows, around, table)  # what is measured, stays
    files = results.write(rows, around, args.output, args.markdown, mark)
    print(report.text(rows))
    print(
        "\nThe goals are for 2 cores and float32." + args.quick * " --quick: figures mean nothing."
    )
    print(f"Results: {', '.join(map(str, files))}")


if __name__ == "__main__":
    sys.exit(command_line.run(benchmark, make_parser()))
