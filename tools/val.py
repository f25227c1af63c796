"""Evaluates a trained model on the validation data; `paddle_ann.engine.evaluate` counts."""

from __future__ import annotations

import argparse
import sys

from command_line import (
    add_inference,
    add_precision,
    inference_options,
    make_parser,
    not_negative,
    positive,
    run,
)


def parser() -> argparse.ArgumentParser:
    """Returns the options, named as PaddleSeg's tools/val.py names them."""
    parser = make_parser("Evaluate a trained model on the validation data of its configuration.")
    add_inference(parser, "aug_eval")
    add = parser.add_argument
    add("--batch_size", type=positive, default=1, help="images of equal size per pass; the scores "
        "do not depend on it (default: 1)")  # fmt: skip
    add("--auc_roc", action="store_true", help="compute the area under the ROC too")
    add("--save_json", metavar="FILE", help="write the scores there as well")
    add("--report", metavar="DIR", help="write report.html there, and report.json for compare.py")
    add("--worst", type=not_negative, default=12, help="images drawn in the report (default: 12)")
    add_precision(parser, ("fp32", "fp16", "bf16", "auto"))
    return parser


def val(args: argparse.Namespace) -> None:
    """Builds model and validation data, loads the weights and prints the scores."""
    from paddleseg.utils import utils

    from paddle_ann import report, scores, session, visualize
    from paddle_ann.engine import evaluate, processes
    from paddle_ann.pretrained import lenient

    chosen = inference_options(args, "aug_eval")
    if args.save_json:
        scores.check_target(args.save_json)
    if args.report:
        report.check_target(args.report)
    weights = session.weights_path(args.model_path)
    builder = session.start(args, own_weights=args.model_path)
    options = session.merge_test_config(builder.config, auc_roc=args.auc_roc, **chosen)
    val_dataset = builder.val_dataset
    model = builder.model
    with lenient(args.no_strict):
        utils.load_entire_model(model, weights)
    recorder = report.Recorder(val_dataset, args.worst) if args.report else None
    result = evaluate(
        model,
        val_dataset,
        num_workers=args.num_workers,
        precision=args.precision,
        amp_level=args.amp_level,
        batch_size=args.batch_size,
        watch=recorder,
        **options,
    )
    if not processes.size().rank:  # process 0 reports
        content = scores.scores(result, visualize.class_names(val_dataset), len(val_dataset))
        print(scores.table(content), flush=True)
        if args.save_json:
            scores.save(content, args.save_json)
    if recorder:
        source = report.describe(val_dataset, weights, args.config, options)
        report.save(args.report, result, recorder, val_dataset, source)


if __name__ == "__main__":
    sys.exit(run(val, parser()))
