"""Writes the generated data set in Pascal VOC's layout; PaddleSeg's PascalVOC reads it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_ann.datasets import toy_voc  # noqa: E402


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line of this tool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--root", help="folder to write (default: data/toy_voc or data/toy_context)"
    )
    parser.add_argument(
        "--variant",
        default="shapes",
        choices=toy_voc.VARIANTS,
        help="shapes: classes told by the object; context: by a mark far away",
    )
    parser.add_argument("--num_train", type=int, default=400, help="pictures in train.txt")
    parser.add_argument("--num_val", type=int, default=60, help="pictures in val.txt")
    parser.add_argument(
        "--size", type=int, nargs=2, default=(96, 96), metavar=("H", "W"), help="in pixels"
    )
    parser.add_argument("--seed", type=int, default=0, help="source of all chance")
    args = parser.parse_args(argv)
    args.root = args.root or {"shapes": "data/toy_voc", "context": "data/toy_context"}[args.variant]
    return args


def main(argv: list[str] | None = None) -> int:
    """Generates and says where."""
    args = parse_args(argv)
    start = time.perf_counter()
    try:
        root = toy_voc.generate(
            args.root,
            variant=args.variant,
            num_train=args.num_train,
            num_val=args.num_val,
            size=tuple(args.size),
            seed=args.seed,
        )
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{root}: {args.num_train} pictures to train on, {args.num_val} to validate, 21 classes, "
        f"{time.perf_counter() - start:.1f} s. Read it with type: PascalVOC, dataset_root: {root}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
