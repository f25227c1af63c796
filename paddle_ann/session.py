"""What the commands share: device, downloads, configuration, and weights that fit the model."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import fields
from pathlib import Path
from typing import Any

import paddle
from paddleseg.cvlibs import Config, SegBuilder
from paddleseg.utils import get_image_list, logger, utils

import paddle_ann
from paddle_ann.config import epochs, load
from paddle_ann.engine import TrainOptions, iters_per_epoch, processes
from paddle_ann.weights import read_weights

__all__ = ["choose_device", "find_images", "start", "merge_test_config", "weights_path"]


def choose_device(requested: str | None = None) -> str:
    """Returns the device to run on; without a request the GPU if it works, else the CPU.

    Args:
        requested: 'cpu', 'gpu', 'xpu', 'npu' or 'mlu'.

    Raises:
        RuntimeError: A GPU was asked for and there is none that this Paddle can use.
    """
    if requested not in (None, "gpu"):
        return str(requested)
    problem = _gpu_problem()
    if requested == "gpu" and problem:
        raise RuntimeError(f"--device gpu: {problem}. Use --device cpu, or leave the option away.")
    chosen = "cpu" if problem else "gpu"
    if requested is None:
        logger.info(f"Device: {chosen}" + (f" ({problem})." if problem else "."))
    return chosen


def _gpu_problem() -> str:
    """Returns why the GPU cannot be used, or '' if a small computation on it succeeds."""
    if not paddle.is_compiled_with_cuda():
        return f"this Paddle ({paddle.__version__}) is built without GPU support"
    if paddle.device.cuda.device_count() == 0:
        return "Paddle sees no GPU"
    try:
        with paddle.base.dygraph.guard(paddle.CUDAPlace(0)):
            float(paddle.ones([2, 2]).matmul(paddle.ones([2, 2])).sum())
    except Exception as error:  # an old wheel on a new card: no kernel image
        return f"the GPU failed a first computation ({str(error).strip().splitlines()[-1]})"
    return ""


def start(args: Namespace, own_weights: str | None = None, **overrides: Any) -> SegBuilder:
    """Sets up a run as PaddleSeg's scripts do and returns the builder of its parts.

    Args:
        args: `config` (path), `opts`, `device` (see `choose_device`), `num_workers`, `download`
            (whether data sets and weights may be fetched from the net) and, if the command has
            it, `seed`, from 0 to 2^31 - 1, and `pretrained`, weights to start from.
        own_weights: A checkpoint that replaces every weight, so that `pretrained` is not read.
        **overrides: `learning_rate`, `iters`, `epochs`, `batch_size`; see `paddle_ann.config.load`.
    """
    seed = TrainOptions(seed=getattr(args, "seed", None)).seed  # refused, if it cannot be one
    if args.download:
        paddle_ann.allow_downloads(True)
    settings = load(args.config, opts=args.opts, **overrides)
    if own_weights not in (None, "auto"):  # "auto" may find no checkpoint
        leave_out_pretrained(settings.dic["model"])
    elif getattr(args, "pretrained", None):
        file = weights_path(args.pretrained, "--pretrained")
        leave_out_pretrained(settings.dic["model"])
        settings.dic["model"]["pretrained"] = file
    utils.show_env_info()
    utils.show_cfg_info(settings)
    utils.set_seed(seed)
    utils.set_device(choose_device(args.device))
    utils.set_cv2_num_threads(args.num_workers)
    return SegBuilder(settings)


def count_iterations(builder: SegBuilder, accumulate: int = 1) -> None:
    """Puts what a configuration counts in epochs into iterations, before the optimizer is built.

    Args:
        builder: As `start` returns it; its training set is built if anything depends on it.
        accumulate: Batches of one update.
    """
    settings = builder.config.dic
    per_epoch = 1
    if epochs.counts_epochs(settings):
        dataset, batch_size = builder.train_dataset, settings["batch_size"]
        per_epoch = iters_per_epoch(dataset, batch_size, accumulate, processes.size().world)
    settings.update(epochs.in_iterations(settings, per_epoch))


def length(settings: Config) -> dict[str, Any]:
    """Returns how long the configuration trains, as `engine.train` takes it: iters or epochs."""
    count = settings.dic.get("epochs")
    return {"iters": settings.iters} if count is None else {"epochs": count}


def leave_out_pretrained(model: dict[str, Any]) -> None:
    """Takes `pretrained` out of the settings of a model, whose weights come from elsewhere."""
    model["pretrained"] = None
    if isinstance(model.get("backbone"), dict) and model["backbone"].get("pretrained"):
        model["backbone"]["pretrained"] = None


def merge_test_config(settings: Config, **given: Any) -> dict[str, Any]:
    """Returns `test_config` with the options that were given (not None and not False) over it."""
    chosen = {name: value for name, value in given.items() if value not in (None, False)}
    options = {**settings.test_config, **chosen}
    if options.get("is_slide") and not (options.get("crop_size") and options.get("stride")):
        raise ValueError(
            "--is_slide needs --crop_size WIDTH HEIGHT and --stride WIDTH HEIGHT, for example "
            "--crop_size 512 512 --stride 384 384"
        )
    return options


def weights_path(path: str, option: str = "--model_path") -> str:
    """Returns the file of trained weights; a checkpoint folder stands for the file in it.

    Args:
        path: A `.pdparams` file, a folder with `model.pdparams`, or a URL (left to PaddleSeg).
        option: Where it was given, for messages.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, is no state dict, or would run code.
    """
    if "://" in path:
        return path
    file = Path(path, "model.pdparams") if os.path.isdir(path) else Path(path)
    if not os.path.isfile(file):  # nor where the system refuses the path
        raise FileNotFoundError(
            f"{option} {path}: {file} does not exist. Training writes "
            "best_model/model.pdparams and iter_N/model.pdparams below its --save_dir."
        )
    read_weights(file)
    return str(file)


def find_images(path: str) -> tuple[list[str], str | None]:
    """Returns the images that a path stands for, and the folder that their names begin in.

    Args:
        path: An image, a text file that names one in each line, or a folder.

    Raises:
        FileNotFoundError: There is no such path.
        ValueError: There is no image behind it.
    """
    try:
        return get_image_list(path)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"--image_path {path} does not exist. Give an image, a text file that names one in "
            "each line, or a folder of images."
        ) from None
    except (RuntimeError, OSError, ValueError) as error:  # no image; not readable; no text
        reason = "" if isinstance(error, RuntimeError) else f" ({error})"
        raise ValueError(
            f"--image_path {path}: there is no image{reason}. Images end in .jpg, .jpeg, .png or "
            ".bmp; any other file must be a list in UTF-8."
        ) from None


def train_options(settings: Config, args: Namespace) -> TrainOptions:
    """Returns the configuration's `train_options` with what the command line gives over them."""
    names = [item.name for item in fields(TrainOptions)]
    given = {name: getattr(args, name, None) for name in names}
    chosen = {n: value for n, value in given.items() if value is not None and value is not False}
    section = settings.dic.get("train_options") or {}
    model = {name: value for name, value in settings.dic["model"].items() if name != "pretrained"}
    known = {"configuration": {"model": model}, "record": settings.dic}
    return TrainOptions(**{"metrics": True, **section, **chosen, **known})


def check_shuffle(settings: Config) -> None:
    """Takes 2.10's `train_dataset.shuffle` out; False is refused, for `train` always shuffles."""
    if not settings.dic["train_dataset"].pop("shuffle", True):
        raise ValueError(
            "train_dataset.shuffle is False, but PaddleSeg's train shuffles always. Remove it."
        )


def check_colors(colors: list[int] | None) -> None:
    """Raises a ValueError unless the list is R, G, B of one class after another."""
    if colors and (len(colors) % 3 or not all(0 <= value <= 255 for value in colors)):
        raise ValueError(
            f"--custom_color has {len(colors)} values between {min(colors)} and {max(colors)}; it "
            "must be R G B for each class, each between 0 and 255."
        )
