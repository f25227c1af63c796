"""Shows what a trained model attends to in images: a page to explore, pictures, arrays."""

from __future__ import annotations

import argparse
import sys

from command_line import make_parser, positive, run


def point(text: str) -> tuple[int, int]:
    """Converts x,y."""
    try:
        x, y = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no point; give x,y such as 120,80") from None
    return x, y


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = make_parser(
        "Show how much each pixel attends to each sampled cell; docs/attention.md."
    )
    add = parser.add_argument
    add("--model_path", required=True, help="weights: a .pdparams file or its folder")
    add("--image_path", required=True, nargs="+", metavar="IMAGE",
        help="images, text files that name one in each line, or folders")  # fmt: skip
    add("--save_dir", default="./output/attention", help="for the files (default: %(default)s)")
    add("--points", nargs="+", type=point, default=[], metavar="X,Y",
        help="pixels of the images (default: the middle, and those of the quarters)")  # fmt: skip
    add("--formats", nargs="+", choices=["html", "png", "npz"], default=["html", "png"],
        help="page, picture of the points, arrays (default: html png)")  # fmt: skip
    add("--height", type=positive, default=160, help="of the picture's panels (default: 160)")
    add("--overwrite", action="store_true", help="replace files that are there")
    return parser


def attention(args: argparse.Namespace) -> None:
    """Builds the model, loads the weights and writes the files."""
    from paddleseg.utils import utils

    from paddle_ann import session
    from paddle_ann.visualize import configured_classes, write_attention

    images = [image for path in args.image_path for image in session.find_images(path)[0]]
    weights = session.weights_path(args.model_path)
    builder = session.start(args, own_weights=args.model_path)
    model = builder.model
    utils.load_entire_model(model, weights)
    names, palette = configured_classes(builder)
    for path in write_attention(
        model,
        images,
        args.save_dir,
        builder.val_transforms,
        names,
        palette,
        args.points,
        args.formats,
        args.overwrite,
        height=args.height,
    ):
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)


if __name__ == "__main__":
    sys.exit(run(attention, parser()))
