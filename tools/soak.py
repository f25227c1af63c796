"""Trains, evaluates and saves for a long time on generated data; does anything grow or stay?"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import command_line

LIMIT = 20.0  # MiB an hour that count as flat, beside processes of several hundred MiB


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the options; none is needed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--minutes", type=float, default=60, help="of training (default: 60)")
    add("--num_workers", type=command_line.not_negative, default=2, help="readers (default: 2)")
    add("--output", type=Path, default=Path("output/soak.csv"), help="the samples")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def soak(args: argparse.Namespace) -> None:
    """Trains, then compares what the process holds with what it held."""
    from paddle_ann.benchmark import environment, soak
    from paddle_ann.cpu import available_cores
    from paddle_ann.engine.resources import Sample, slope_per_hour

    with tempfile.TemporaryDirectory(prefix="paddle_ann_soak_") as folder:
        log = soak.train_for(Path(folder), 60 * args.minutes, args.num_workers)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with args.output.open("w", newline="") as file:
        csv.writer(file).writerows([Sample._fields, *log.samples])
    after, middle = soak.after(log), len(log.samples) // 2
    half = log.samples[middle]
    files = [max(s.files for s in part) for part in (log.samples[:middle], log.samples[middle:])]
    slope, error = slope_per_hour(log.samples, "memory")
    print(
        f"\n{after.iteration} iterations with an evaluation and a checkpoint every "
        f"{soak.SAVE_INTERVAL}, {after.seconds / 60:.0f} minutes.\n"
        f"Memory: {half.memory:.0f} MiB half way, {log.samples[-1].memory:.0f} MiB at the end; "
        f"slope of the second half {slope:+.1f} ± {error:.1f} MiB an hour.\n"
        f"Open files: {files[0]} at most in the first half, {files[1]} in the second. "
        f"Processes left: {after.children}."
    )
    print("; ".join(f"{k} {v}" for k, v in environment.describe(available_cores(), "cpu").items()))
    if slope - 2 * error > LIMIT or files[1] > files[0] or after.children:
        raise RuntimeError(f"Something grows or stays; see {args.output}.")


if __name__ == "__main__":
    sys.exit(command_line.run(soak, make_parser()))
