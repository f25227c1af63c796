"""Draws what a model makes of images: label, prediction, errors, confidence; or two models."""

from __future__ import annotations

import argparse
import sys

from command_line import add_inference, inference_options, make_parser, positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = make_parser(
        "Draw image, label, prediction, errors and confidence side by side, a PNG for each image. "
        "Which images: --indices, --image_path, --worst_of; else some of the validation set."
    )
    add_inference(parser, "aug_pred")
    add = parser.add_argument
    add(
        "--save_dir", default="./output/panels", help="receives the pictures (default: %(default)s)"
    )
    add("--overwrite", action="store_true", help="replace pictures that are there")
    add("--num_images", type=positive, default=6, help="how many, at most (default: 6)")
    add("--height", type=positive, default=240, help="of one picture, in pixels (default: 240)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--indices", type=int, nargs="+", help="numbers in the validation set, from 0"
    )
    which.add_argument(
        "--worst_of", metavar="DIR", help="the worst images of tools/val.py --report"
    )
    which.add_argument("--image_path", help="images without labels: one, a list file, or a folder")
    add("--compare", metavar="WEIGHTS", help="other weights, B: draw both and which is right")
    add("--compare_config", metavar="FILE", help="B's configuration, if its model is another one")
    return parser


def visualize(args: argparse.Namespace) -> None:
    """Builds models and data, predicts image by image, and writes the pictures."""
    from paddle_ann import session
    from paddle_ann.engine.inference import Inference
    from paddle_ann.engine.precision import choose
    from paddle_ann.report import sheets

    chosen = inference_options(args, "aug_pred")
    if args.compare_config and not args.compare:
        raise ValueError("--compare_config has an effect only with --compare WEIGHTS; add it.")
    weights = [session.weights_path(args.model_path)]
    if args.compare:
        weights.append(session.weights_path(args.compare, "--compare"))
    source = sheets.Source(args.indices, args.worst_of, args.image_path, args.num_images)
    writer = sheets.Writer(args.save_dir, args.overwrite, args.height)
    builder = session.start(args, own_weights=args.model_path)
    options = session.merge_test_config(builder.config, **chosen)
    options["aug_eval"] = options.pop("aug_pred", False) or options.get("aug_eval", False)
    options.pop("auc_roc", None)
    inference = Inference(choose("fp32", "O1"), **options)
    models = sheets.models(builder, weights, args.compare_config, args.no_strict)
    samples, classes = source.samples(builder), sheets.classes_of(builder)
    sheets.draw_all(models, samples, classes, inference, writer)


if __name__ == "__main__":
    sys.exit(run(visualize, parser()))
