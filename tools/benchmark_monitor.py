"""Measures what VisualDL's log, metrics.jsonl and the pictures cost in a training step."""

from __future__ import annotations

import argparse
import sys

import command_line

LIMIT = 0.03  # of an update


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options; none is needed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--updates", type=command_line.positive, default=20, help="(default: 20)")
    add("--size", type=command_line.positive, default=224, help="of images (default: 224)")
    add("--batch_size", type=command_line.positive, default=4, help="(default: 4)")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def benchmark(args: argparse.Namespace) -> None:
    """Measures and prints; too much of a step is an error."""
    from paddle_ann.benchmark import environment, monitor
    from paddle_ann.cpu import available_cores

    print(
        f"ANN-ResNet18_vd, {args.size}x{args.size}, batch {args.batch_size}; medians of "
        f"{args.updates} updates and 3 evaluations of {monitor.IMAGES} images:"
    )
    costs = monitor.measure(args.updates, args.size, args.batch_size)
    print(costs)
    print(f"VisualDL's log grows by {costs.size / 1000:.0f} kB with each evaluation")
    print("; ".join(f"{k} {v}" for k, v in environment.describe(available_cores(), "cpu").items()))
    if costs.share >= LIMIT:
        raise RuntimeError(f"Telling takes {100 * LIMIT:g} % of an update or more.")


if __name__ == "__main__":
    sys.exit(command_line.run(benchmark, make_parser()))
