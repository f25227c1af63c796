"""Segments images with a trained model, with PaddleSeg's own `predict`."""

from __future__ import annotations

import argparse
import sys

from command_line import add_inference, inference_options, make_parser, run


def parser() -> argparse.ArgumentParser:
    """Returns the options, named as PaddleSeg's tools/predict.py names them."""
    parser = make_parser("Segment images: one, those that a list file names, or those of a folder.")
    add_inference(parser, "aug_pred")
    parser.add_argument("--image_path", required=True, help="image, text file of paths, or folder")
    parser.add_argument(
        "--save_dir",
        default="./output/result",
        help="receives added_prediction/ and pseudo_color_prediction/ (default: ./output/result)",
    )
    parser.add_argument(
        "--custom_color",
        nargs="+",
        type=int,
        metavar="0-255",
        help="R G B of class 0, R G B of class 1, …, in place of PaddleSeg's colours",
    )
    return parser


def predict(args: argparse.Namespace) -> None:
    """Builds the model, finds the images, loads the weights and writes the pictures."""
    from paddleseg.core import predict as paddleseg_predict
    from paddleseg.transforms import Compose
    from paddleseg.utils import logger

    from paddle_ann import session
    from paddle_ann.pretrained import lenient

    chosen = inference_options(args, "aug_pred")
    session.check_colors(args.custom_color)
    weights = session.weights_path(args.model_path)
    image_list, image_dir = session.find_images(args.image_path)
    builder = session.start(args, own_weights=args.model_path)
    options = session.merge_test_config(builder.config, custom_color=args.custom_color, **chosen)
    for name in ("aug_eval", "auc_roc"):  # of evaluation only
        options.pop(name, None)
    logger.info(f"The number of images: {len(image_list)}")
    model = builder.model
    with lenient(args.no_strict):
        paddleseg_predict(
            model,
            model_path=weights,
            transforms=Compose(builder.val_transforms),
            image_list=image_list,
            image_dir=image_dir,
            save_dir=args.save_dir,
            **options,
        )


if __name__ == "__main__":
    sys.exit(run(predict, parser()))
