"""Evaluates a trained model on the validation data, with PaddleSeg's own `evaluate`."""

from __future__ import annotations

import argparse
import sys

from command_line import add_precision, add_test_time, make_parser, run, test_time


def parser() -> argparse.ArgumentParser:
    """Returns the options, named as PaddleSeg's tools/val.py names them."""
    parser = make_parser("Evaluate a trained model on the validation data of its configuration.")
    add_test_time(parser, "aug_eval")
    parser.add_argument("--auc_roc", action="store_true", help="compute the area under the ROC too")
    add_precision(parser)
    return parser


def val(args: argparse.Namespace) -> None:
    """Builds model and validation data, loads the weights and prints the scores."""
    from paddleseg.core import evaluate
    from paddleseg.utils import utils

    from paddle_ann import session

    chosen = test_time(args, "aug_eval")
    session.weights_path(args.model_path)
    builder = session.start(
        args.config,
        device=args.device,
        num_workers=args.num_workers,
        download=args.download,
        own_weights=args.model_path,
        opts=args.opts,
    )
    options = session.test_options(builder.config, auc_roc=args.auc_roc, **chosen)
    val_dataset = builder.val_dataset
    model = builder.model
    utils.load_entire_model(model, session.weights_path(args.model_path, model))
    evaluate(
        model,
        val_dataset,
        num_workers=args.num_workers,
        precision=args.precision,
        amp_level=args.amp_level,
        **options,
    )


if __name__ == "__main__":
    sys.exit(run(val, parser()))
