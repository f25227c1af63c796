"""Draws validation images beside their labels and a trained model's predictions, on one sheet."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from command_line import make_parser, positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = make_parser("Draw image, label and prediction of some validation images on one sheet.")
    add = parser.add_argument
    add("--model_path", required=True, help="weights: a .pdparams file or its folder")
    add("--output", default="contact_sheet.png", help="picture to write (default: %(default)s)")
    add("--num_images", type=positive, default=6, help="spread over the data (default: 6)")
    add("--height", type=positive, default=144, help="of one picture, in pixels (default: 144)")
    add("--per_row", type=positive, default=2, help="images in a row (default: 2)")
    return parser


def contact_sheet(args: argparse.Namespace) -> None:
    """Builds model and validation data, predicts, and writes the sheet."""
    from paddleseg.utils import logger, utils

    from paddle_ann import session, visualize

    weights = session.weights_path(args.model_path)
    builder = session.start(args, own_weights=args.model_path)
    dataset, model = builder.val_dataset, builder.model
    utils.load_entire_model(model, weights)
    step = max(1, len(dataset) // args.num_images)
    samples = visualize.predict_samples(
        model, dataset, range(0, len(dataset), step)[: args.num_images]
    )
    sheet = visualize.contact_sheet(
        samples,
        visualize.class_names(dataset),
        visualize.class_palette(dataset),
        height=args.height,
        per_row=args.per_row,
    )
    Path(args.output).parent.mkdir(parents=True, exist_ok=True)
    if Path(args.output).suffix.lower() == ".png":
        sheet = sheet.quantize(256)  # half the size, no difference to see
    sheet.save(args.output, optimize=True)
    logger.info(f"The contact sheet is {args.output}.")


if __name__ == "__main__":
    sys.exit(run(contact_sheet, parser()))
