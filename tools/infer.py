"""Segments images and videos with an exported network; see docs/deploy.md."""

from __future__ import annotations

import argparse
import sys

from command_line import positive, run


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("images", nargs="+", help="images, folders, globs in quotes, lists that "
        "end in .txt; or videos, of which the overlay is written as .mp4")  # fmt: skip
    add("--model", required=True, metavar="DIR", help="the --save_dir of tools/export.py")
    add("--save_dir", default="./output/infer", help="for the results (default: ./output/infer)")
    add("--outputs", nargs="+", default=["ids", "overlay"], metavar="KIND",
        help="ids (palette PNG), overlay, confidence, entropy (default: ids overlay)")  # fmt: skip
    add("--overwrite", action="store_true", help="replace results that are there")
    add("--strict", action="store_true", help="stop at the first bad image")
    add("--debug", action="store_true", help="show the traceback of an error")
    group = parser.add_argument_group("how images are run through the network")
    add = group.add_argument
    add("--engine", default="auto", help="onnxruntime, openvino or paddle (default: the fastest)")
    add("--precision", default="fp32", choices=["fp32", "bf16"], help="bf16: faster, less exact")
    add("--threads", type=positive, help="that compute (default: all cores)")
    add("--batch_size", type=positive, default=1, help="images of one size, or tiles, at once")
    add("--tile", type=positive, metavar="PIXELS", help="slide a window of this side over images")
    add("--overlap", type=float, default=0.25, help="share of a tile seen twice (default: 0.25)")
    add("--scales", nargs="+", type=float, default=[1.0], help="average over these sizes")
    add("--flip_horizontal", action="store_true", help="average with the mirror image")
    add("--flip_vertical", action="store_true", help="average with it upside down")
    return parser


def infer(args: argparse.Namespace) -> int:
    """Segments, writes, and returns 0, or 1 if images were skipped."""
    from paddle_ann.deploy import Predictor, finding, inferring, video
    from paddle_ann.deploy.outputs import Outputs, places

    videos = [name for name in args.images if video.is_video(name)]
    others = [name for name in args.images if not video.is_video(name)]
    images = finding.find(others, without=places(args.save_dir))
    names = ("engine", "precision", "threads", "batch_size", "tile", "overlap", "scales")
    options = {name: getattr(args, name) for name in (*names, "flip_horizontal", "flip_vertical")}
    predictor = Predictor(args.model, **options)
    bundle = predictor.bundle
    outputs = Outputs(args.save_dir, args.outputs, bundle.classes, bundle.palette, args.overwrite)
    outputs.write_legend()
    print(f"{len(images)} images, {len(videos)} videos, {predictor.engine}")
    failures = inferring.infer(predictor, images, outputs, args.strict, sys.stderr)
    if images:
        print(f"{len(images) - len(failures)} images -> {args.save_dir}: {' '.join(args.outputs)}")
    failures += video.infer_videos(predictor, videos, outputs, args.strict, sys.stderr)
    for failure in failures:
        print(f"no result: {failure}", file=sys.stderr)
    return 1 if failures else 0


def main() -> int:
    """Runs the command; 0, 1 if images were skipped, 2 for a user's error, 130 for Ctrl-C."""
    codes: list[int] = []
    failed = run(lambda args: codes.append(infer(args)), parser())
    return failed or codes[0]


if __name__ == "__main__":
    sys.exit(main())
