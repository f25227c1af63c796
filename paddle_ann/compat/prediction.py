"""`predict` and `evaluate`: arguments that cannot give what was asked for."""

from __future__ import annotations

import functools
import os
from typing import Any

from paddle_ann.compat import metrics
from paddle_ann.compat.fix import Fix, Patches, module, source_has


def _infer() -> Any:
    return module("paddleseg.core.infer")


def _evaluate() -> Any:
    return module("paddleseg.core.val").evaluate


def _predict() -> Any:
    return module("paddleseg.core.predict").predict


# -- scales (A16) ---------------------------------------------------------------------------------


def float_scales(given: dict[str, Any]) -> None:
    """Take an int for the float that aug_inference insists on.

    Raises:
        ValueError: If a scale is not a positive number.
    """
    scales = given["scales"]
    several = list(scales) if isinstance(scales, (list, tuple)) else [scales]
    if not all(isinstance(s, (int, float)) and s > 0 for s in several) or not several:
        raise ValueError(
            f"scales must be a positive number or a list of them, received {scales!r}."
        )
    given["scales"] = [float(s) for s in several]


def _scales_bite() -> bool:
    return source_has(_infer().aug_inference, "isinstance(scales, float)")


def _patch_scales(patches: Patches) -> None:
    patches.before(_infer().aug_inference, float_scales)


# -- sliding windows ------------------------------------------------------------------------------


def check_windows(given: dict[str, Any]) -> None:
    """Refuse is_slide without two window sizes, or with gaps between the windows.

    Raises:
        ValueError: Naming the argument.
    """
    if not given["is_slide"]:
        return
    for name in ("crop_size", "stride"):
        value = given[name]
        if not isinstance(value, (list, tuple)) or len(value) != 2 or min(value) <= 0:
            raise ValueError(
                f"is_slide=True needs {name}=(width, height) in pixels, both positive, received "
                f"{value!r}."
            )
    if any(step > size for step, size in zip(given["stride"], given["crop_size"])):
        raise ValueError(
            f"stride {given['stride']} leaves gaps between windows of crop_size "
            f"{given['crop_size']}; make it at most as large."
        )


def _patch_windows(patches: Patches) -> None:
    patches.before(_evaluate(), check_windows)
    patches.before(_predict(), check_windows)


# -- the images (C14, C24) ------------------------------------------------------------------------


def check_images(given: dict[str, Any]) -> None:
    """Refuse images that are missing, or whose pictures would overwrite each other.

    Raises:
        FileNotFoundError: Naming the first missing image.
        ValueError: Naming two images with one output, or if there is none.
    """
    images, folder = given["image_list"], given["image_dir"]
    if not images:
        raise ValueError("There is no image to predict: image_list is empty.")
    outputs: dict[str, str] = {}
    for path in images:
        if not os.path.isfile(path):
            raise FileNotFoundError(f"The image {path} does not exist.")
        name = path.replace(folder, "") if folder is not None else os.path.basename(path)
        stem = os.path.splitext(name.lstrip("/\\"))[0]
        if outputs.setdefault(stem, path) != path:
            raise ValueError(
                f"{outputs[stem]} and {path} would both be written as {stem}.png, one over the "
                "other. Predict them into different save_dir, or rename one."
            )


def _patch_images(patches: Patches) -> None:
    patches.before(_predict(), check_images)


# -- fewer images than processes (A18) ------------------------------------------------------------


@functools.cache
def _padded(original: Any) -> Any:
    @functools.wraps(original)
    def partition_list(arr: list[Any], m: int) -> list[list[Any]]:
        parts = original(arr, m)
        return parts + [[]] * (m - len(parts))

    return partition_list


def _partition_bites() -> bool:
    return len(module("paddleseg.core.predict").partition_list(["image"], 2)) < 2


def _patch_partition(patches: Patches) -> None:
    original = module("paddleseg.core.predict").partition_list
    patches.everywhere(original, _padded(original))


# -- classes present (C20) ------------------------------------------------------------------------


@functools.cache
def _telling(original: Any) -> Any:
    @functools.wraps(original)
    def evaluate(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        counted = metrics.last_classes_present()
        if kwargs.get("print_detail", True) and counted and len(result[2]) == counted[1]:
            module("paddleseg.utils.logger").info(
                f"[EVAL] classes present {counted[0]}/{counted[1]} (policy "
                f"{metrics.absent_policy()!r} for the others)"
            )
        return result

    return evaluate


def _patch_telling(patches: Patches) -> None:
    evaluate = _evaluate()
    patches.everywhere(evaluate, _telling(evaluate))


FIXES = (
    Fix(
        "int-scales",
        "`scales: 1`: TypeError: `scales` expects float/tuple/list",
        "aug_inference tests for float (A16)",
        "paddleseg 2.8.0 and 2.10",
        _scales_bite,
        _patch_scales,
    ),
    Fix(
        "slide-arguments",
        "is_slide without crop_size or stride: `TypeError: cannot unpack non-iterable NoneType "
        "object`",
        "evaluate and predict pass them on unseen",
        "paddleseg 2.8.0 and 2.10",
        lambda: not source_has(_predict(), "crop_size is None"),
        _patch_windows,
    ),
    Fix(
        "predict-images",
        "a.jpg and a.png in one folder overwrite one a.png; a missing image stops the run half way",
        "predict names its pictures by the stem and looks at no path before (C14, C24)",
        "paddleseg 2.8.0 and 2.10",
        lambda: not source_has(_predict(), "isfile"),
        _patch_images,
    ),
    Fix(
        "predict-ranks",
        "predict under launch with fewer images than processes: IndexError: list index out of "
        "range",
        "partition_list returns fewer parts than asked for (A18)",
        "paddleseg 2.8.0 and 2.10",
        _partition_bites,
        _patch_partition,
    ),
    Fix(
        "classes-present",
        "nothing tells how many classes the mean IoU is a mean of",
        "evaluate prints the mean alone (C20)",
        "paddleseg 2.8.0 and 2.10",
        lambda: not source_has(_evaluate(), "classes present"),
        _patch_telling,
    ),
)
