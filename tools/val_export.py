"""Evaluates an export, in each engine and precision, on the validation data of a configuration."""

from __future__ import annotations

import argparse
import sys

from command_line import make_parser, positive, run

ALL = ("onnxruntime", "openvino", "paddle", "openvino,bf16")


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="the --save_dir of tools/export.py")
    add("--engines", nargs="+", choices=ALL, default=["onnxruntime"], metavar="ENGINE[,bf16]",
        help=f"of {' '.join(ALL)} (default: {ALL[0]})")  # fmt: skip
    add("--batch_size", type=positive, default=1, help="images of a pass (default: 1)")
    return parser


def val(args: argparse.Namespace) -> None:
    """Builds the validation data, and prints the scores of each engine."""
    from paddle_ann import session
    from paddle_ann.deploy.runner import Bundle
    from paddle_ann.deploy.scoring import AsModel
    from paddle_ann.engine import evaluate

    builder = session.start(args, own_weights=args.model)
    options = session.merge_test_config(builder.config)
    options.pop("auc_roc", None)
    dataset, first = builder.val_dataset, None
    for name in args.engines:
        engine, _, precision = name.partition(",")
        model = AsModel(Bundle(args.model, engine, precision=precision or "fp32"))
        miou, accuracy, *_ = evaluate(
            model,
            dataset,
            num_workers=args.num_workers,
            batch_size=args.batch_size,
            print_detail=False,
            **options,
        )
        first = miou if first is None else first
        print(
            f"{name:<14} mIoU {100 * miou:.3f} %  accuracy {100 * accuracy:.3f} %  "
            f"mIoU against the first {100 * (miou - first):+.3f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(run(val, parser()))
