"""Computes median-frequency class weights from the training masks of a configuration."""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

from command_line import not_negative, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--config", required=True, help="YAML file; its training set is counted")
    parser.add_argument("--opts", nargs="+", metavar="KEY=VALUE", help="settings of the YAML")
    parser.add_argument("--output", metavar="FILE", help="write the YAML lines there as well")
    parser.add_argument(
        "--cap", type=float, default=math.inf, help="keep weights within 1/CAP and CAP"
    )
    parser.add_argument("--num_workers", type=not_negative, help="processes (default: all cores)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def class_weights(args: argparse.Namespace) -> None:
    """Counts, prints a table and the YAML lines to paste."""
    from paddle_ann.datasets import class_weights as weighting
    from paddle_ann.datasets.audit import balance
    from paddle_ann.datasets.audit.configured import silent_builder
    from paddle_ann.datasets.audit.scan import cores
    from paddle_ann.paths import check_file
    from paddle_ann.visualize import class_names

    if args.output:
        if os.path.lexists(args.output):
            raise FileExistsError(f"--output {args.output} exists; give a new name.")
        check_file(args.output, "--output")
    balance.check_cap(args.cap)
    builder = silent_builder(args.config, args.opts)
    dataset = builder.train_dataset
    workers = cores() if args.num_workers is None else args.num_workers
    counts = weighting.count(dataset, workers, sys.stderr)
    weights = balance.median_frequency(counts, args.cap)
    coef = builder.config.dic.get("loss", {}).get("coef", (1, 0.4))
    title = f"median-frequency weights of {len(dataset.file_list)} training masks"
    lines = balance.snippet(weights, coef, title)
    print(weighting.table(counts, class_names(dataset), weights))
    print(f"\nFor your YAML (or write `weight: {weighting.WORD}` there):\n\n{lines}")
    if args.output:
        Path(args.output).parent.mkdir(parents=True, exist_ok=True)
        Path(args.output).write_text(lines, encoding="utf-8")
        print(f"Written: {args.output}")


if __name__ == "__main__":
    sys.exit(run(class_weights, parser()))
