"""Measures what the guard against nan and the other checks cost in a training step."""

from __future__ import annotations

import argparse
import sys

import command_line

LIMIT = 0.01  # of an update
POLICIES = ("stop", "skip", "rollback")


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options; none is needed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--non_finite", nargs="+", choices=POLICIES, default=["stop", "skip"], metavar="POLICY",
        help=f"of {', '.join(POLICIES)} (default: stop skip)")  # fmt: skip
    add("--updates", type=command_line.positive, default=20, help="of each kind (default: 20)")
    add("--size", type=command_line.positive, default=224, help="of images (default: 224)")
    add("--batch_size", type=command_line.positive, default=4, help="(default: 4)")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def benchmark(args: argparse.Namespace) -> None:
    """Measures and prints a line for each policy; too much of a step is an error."""
    from paddle_ann.benchmark import environment, guard
    from paddle_ann.cpu import available_cores

    policies = list(dict.fromkeys(args.non_finite))
    print(
        f"ANN-ResNet18_vd, {args.size}x{args.size}, batch {args.batch_size}; medians of "
        f"{args.updates} updates each, in turn:"
    )
    costs = guard.measure(policies, args.updates, args.size, args.batch_size)
    print(*costs, sep="\n")
    print("; ".join(f"{k} {v}" for k, v in environment.describe(available_cores(), "cpu").items()))
    dear = [cost.policy for cost in costs if cost.share >= LIMIT]
    if dear:
        raise RuntimeError(
            f"The guard takes {100 * LIMIT:g} % of an update or more with {', '.join(dear)}."
        )


if __name__ == "__main__":
    sys.exit(command_line.run(benchmark, make_parser()))
