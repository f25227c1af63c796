"""Options that the commands share, and how a command ends: 0, 2 for a user's error, 130 for Ctrl-C.

Nothing heavy is imported here, so that --help answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a clone that is not installed


def positive(text: str) -> int:
    """Converts an option that counts something."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def not_negative(text: str) -> int:
    """Converts an option that counts something, where 0 has a meaning."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative")
    return value


def make_parser(description: str) -> argparse.ArgumentParser:
    """Returns a parser with the options of every command."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    group = parser.add_argument_group("every command")
    group.add_argument("--config", required=True, help="YAML file, such as configs/ann/….yml")
    group.add_argument(
        "--opts",
        nargs="+",
        metavar="KEY=VALUE",
        help="settings to replace, e.g. "
        "train_dataset.dataset_root=/data/voc model.backbone.pretrained=None",
    )
    group.add_argument(
        "--device",
        choices=["cpu", "gpu", "xpu", "npu", "mlu"],
        help="where to compute (default: gpu if one works, else cpu)",
    )
    group.add_argument(
        "--num_workers", type=not_negative, default=0, help="loader processes (default: 0)"
    )
    group.add_argument(
        "--download",
        action="store_true",
        help="allow data sets and weights to be fetched; without it nothing ever is",
    )
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def add_precision(
    parser: argparse.ArgumentParser, choices: Sequence[str] = ("fp32", "fp16")
) -> None:
    """Adds mixed precision."""
    parser.add_argument(
        "--precision",
        choices=choices,
        default="fp32",
        help="all but fp32 is automatic mixed precision, which needs a GPU to have an effect",
    )
    parser.add_argument(
        "--amp_level",
        choices=["O1", "O2"],
        default="O1",
        help="O1: operators by list; O2: all in fp16 but batch norm (default: O1)",
    )


def add_inference(parser: argparse.ArgumentParser, augment: str) -> None:
    """Adds multi-scale, flip and sliding-window options; `augment` switches the first two on."""
    group = parser.add_argument_group("how images are run through the model")
    group.add_argument(
        "--model_path", required=True, help="weights: a .pdparams file or its folder"
    )
    group.add_argument(f"--{augment}", action="store_true", help="average over scales and flips")
    group.add_argument("--scales", nargs="+", type=float, help="e.g. 0.75 1.0 1.25 (default: 1.0)")
    group.add_argument(
        "--flip_horizontal", action="store_true", help="average with the mirror image"
    )
    group.add_argument("--flip_vertical", action="store_true", help="average with it upside down")
    group.add_argument(
        "--no_strict", action="store_true", help="use weights that do not fit as far as they do"
    )
    group.add_argument("--is_slide", action="store_true", help="slide a window over the image")
    group.add_argument("--crop_size", nargs=2, type=positive, metavar=("W", "H"), help="window")
    group.add_argument("--stride", nargs=2, type=positive, metavar=("W", "H"), help="its step")


def inference_options(args: argparse.Namespace, augment: str) -> dict[str, object]:
    """Returns what `add_inference` added, apart from the weights, by PaddleSeg's names."""
    if not getattr(args, augment) and (args.scales or args.flip_horizontal or args.flip_vertical):
        raise ValueError(f"--scales and --flip_… have an effect only with --{augment}; add it.")
    names = (
        augment,
        "scales",
        "flip_horizontal",
        "flip_vertical",
        "is_slide",
        "crop_size",
        "stride",
    )
    return {name: getattr(args, name) for name in names}


def run(command: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> int:
    """Runs the command on the command line's arguments and returns the exit code."""
    args = parser.parse_args()
    try:
        import paddle_ann  # noqa: F401  before PaddleSeg, which it mends

        command(args)
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, RuntimeError, OSError, AssertionError, ImportError) as error:
        if args.debug:
            raise
        sys.stdout.flush()
        print(f"{parser.prog}: error: {one_line(error)} (--debug shows where)", file=sys.stderr)
        return 2
    return 0


def one_line(error: BaseException) -> str:
    """Returns the message in one line; the name of the error if it says nothing.

    A table in it, which is indented and begins with the heading of a column, keeps its lines.
    """
    before, heading, rest = str(error).partition("\n  key ")
    text = " ".join(before.split())
    if heading:
        lines = [line for line in (heading + rest).split("\n") if line]
        rows = [line for line in lines if line.startswith("  ")]
        behind = " ".join(" ".join(line for line in lines if line not in rows).split())
        text = "\n".join([text, *rows, behind]).rstrip()
    return text or type(error).__name__
