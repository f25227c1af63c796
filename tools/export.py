"""Exports a trained model for Paddle Inference, ONNX Runtime and OpenVINO; see docs/deploy.md."""

from __future__ import annotations

import argparse
import sys

from command_line import make_parser, positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options, named as PaddleSeg's tools/export.py names them."""
    parser = make_parser("Export a trained model, and prove that every engine computes the same.")
    parser.add_argument(
        "--model_path", required=True, help="weights: a .pdparams file or its folder"
    )
    parser.add_argument(
        "--save_dir",
        default="./output/inference_model",
        help="folder to make (default: ./output/inference_model)",
    )
    parser.add_argument(
        "--output_op",
        nargs="+",
        choices=["argmax", "softmax", "logits", "none"],
        default=["argmax", "logits"],
        help="what the graph gives, PaddleSeg's script reads the first; none is PaddleSeg's word "
        "for logits (default: argmax logits)",
    )
    parser.add_argument(
        "--formats", nargs="+", choices=["paddle", "onnx"], default=["paddle", "onnx"]
    )
    parser.add_argument("--opset", type=positive, default=13, help="of ONNX (default: 13)")
    parser.add_argument(
        "--image_path",
        help="pictures to compare on: an image, text file of paths, or folder; the first 3 are "
        "taken (default: of the validation data)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    return parser


def export(args: argparse.Namespace) -> None:
    """Builds the model, loads the weights, exports and prints the comparison."""
    from pathlib import Path

    from paddleseg.utils import utils

    from paddle_ann import deploy, session
    from paddle_ann.deploy import configured, writing

    writing.check_place(Path(args.save_dir), args.overwrite)
    given = session.find_images(args.image_path)[0] if args.image_path else None
    weights = session.weights_path(args.model_path)
    builder = session.start(args, own_weights=args.model_path)
    settings = configured.settings_of(builder)
    if given:
        settings["images"] = given[: configured.PICTURES]
    model = builder.model
    utils.load_entire_model(model, weights)
    model.eval()
    report = deploy.export(
        model,
        args.save_dir,
        outputs=["logits" if name == "none" else name for name in args.output_op],
        formats=args.formats,
        opset=args.opset,
        overwrite=args.overwrite,
        **settings,
    )
    print(f"{report}\nwritten to {args.save_dir}; try: python {args.save_dir}/run.py --help")


if __name__ == "__main__":
    sys.exit(run(export, parser()))
