"""Trains configurations in turn on the same batches: do losses agree, and which is faster?"""

from __future__ import annotations

import argparse
import sys

from command_line import positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("configs", nargs="+", help="YAML files; the first is the reference, and gives the data")
    add("--steps", type=positive, default=20, help="of each (default: 20)")
    add("--seed", type=int, default=0, help="of weights and augmentation (default: 0)")
    add("--dropout", action="store_true", help="leave dropout on (masks differ, so losses do)")
    add("--float64", action="store_true", help="in double precision, where rounding stays small")
    add("--opts", nargs="+", metavar="KEY=VALUE", help="settings to replace in every file")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def side_by_side(args: argparse.Namespace) -> None:
    """Trains, with a line for every step, and prints the tables."""
    from paddle_ann.benchmark import environment, side_by_side
    from paddle_ann.cpu import available_cores

    around = environment.describe(available_cores(), "cpu")
    sides: dict[str, side_by_side.Side] = {}
    dtype = "float64" if args.float64 else "float32"
    given = (args.configs, args.steps, args.seed, args.dropout, args.opts, dtype)
    for sides in side_by_side.race(*given):
        done = len(next(iter(sides.values())).losses)
        parts = [f"{side.losses[-1]:.4f} in {side.seconds[-1]:.2f} s" for side in sides.values()]
        print(f"step {done} of {args.steps}: {'; '.join(parts)}", flush=True)
    print(f"\n{side_by_side.markdown(sides)}\n")
    print("; ".join(f"{name} {value}" for name, value in around.items()))


if __name__ == "__main__":
    sys.exit(run(side_by_side, parser()))
