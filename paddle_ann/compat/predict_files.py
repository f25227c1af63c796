"""The images that `predict` reads, and the pictures and folders that it writes."""

from __future__ import annotations

import functools
import os
from typing import Any

import cv2

from paddle_ann.compat.fix import Fix, Patches, module, source_has
from paddle_ann.datasets import images as image_files
from paddle_ann.datasets import opencv
from paddle_ann.paths import check_folder


def _predict() -> Any:
    return module("paddleseg.core.predict")


# -- the images (C14, C24) ------------------------------------------------------------------------


def check_images(given: dict[str, Any]) -> None:
    """Refuse images that are missing, or whose pictures would overwrite each other.

    Raises:
        FileNotFoundError: Naming the first missing image.
        ValueError: Naming two images with one output, or a path that is not in UTF-8; or if there
            is no image.
    """
    images, folder = given["image_list"], given["image_dir"]
    if not images:
        raise ValueError("There is no image to predict: image_list is empty.")
    opencv.check_name(given["save_dir"], "save_dir")
    check_folder(given["save_dir"], "save_dir")
    outputs: dict[str, str] = {}
    for path in images:
        if not os.path.isfile(path):
            raise FileNotFoundError(f"The image {path} does not exist.")
        opencv.check_name(path)
        _check_picture(path)
        name = path.replace(folder, "", 1) if folder is not None else os.path.basename(path)
        stem = os.path.splitext(name.lstrip("/\\"))[0]
        if outputs.setdefault(stem, path) != path:
            raise ValueError(
                f"{outputs[stem]} and {path} would both be written as {stem}.png, one over the "
                "other. Predict them into different save_dir, or rename one."
            )
    if folder is not None:
        given["image_dir"], given["image_list"] = _unmistakable(folder, images)


def _unmistakable(folder: str, images: list[str]) -> tuple[str, list[str]]:
    """Write the folder so that it occurs once in each path: `predict` cuts out all occurrences.

    Of `.` it cuts every dot, of `a` in `a/data/a.jpg` every a.
    """
    root = os.path.join(os.path.abspath(folder), ".", "")
    inside = [os.path.relpath(path, folder) for path in images]
    return root, [root + name for name in inside]


def _check_picture(path: str) -> None:
    """Refuse an image of which no picture comes, though its prediction would be made."""
    if not cv2.haveImageWriter(path):
        raise ValueError(
            f"The image {path} has the ending {os.path.splitext(path)[1]!r}, by which OpenCV knows "
            "no format to write the prediction in. Rename it, to .png or .jpg for example."
        )
    try:
        with image_files.open_image(path) as file:
            size = file.size
    except ValueError:  # unreadable: said when its turn comes
        return
    if 1 in size:
        raise ValueError(
            f"The image {path} is {size[0]}x{size[1]} pixels (width x height); both must be at "
            "least 2 for PaddleSeg's predict, which drops a side of 1. Take it out."
        )


def _patch_images(patches: Patches) -> None:
    patches.before(_predict().predict, check_images)


# -- fewer images than processes (A18) ------------------------------------------------------------


@functools.cache
def _padded(original: Any) -> Any:
    @functools.wraps(original)
    def partition_list(arr: list[Any], m: int) -> list[list[Any]]:
        parts = original(arr, m)
        return parts + [[]] * (m - len(parts))

    return partition_list


def _partition_bites() -> bool:
    return len(_predict().partition_list(["image"], 2)) < 2


def _patch_partition(patches: Patches) -> None:
    original = _predict().partition_list
    patches.everywhere(original, _padded(original))


# -- several processes make one folder -------------------------------------------------------------


def make_folder_of(path: str) -> None:
    """Make the folder of a file; another process may do so at the same moment."""
    os.makedirs(os.path.dirname(path), exist_ok=True)


def _patch_folder(patches: Patches) -> None:
    patches.set(_predict(), "mkdir", make_folder_of)


FIXES = (
    Fix(
        "predict-images",
        "a.jpg and a.png in one folder overwrite one a.png; a missing image stops the run half way",
        "predict names its pictures by the stem, less every occurrence of the folder's name, and "
        "looks at no path before (C14, C24)",
        "paddleseg 2.8.0 and 2.10",
        lambda: not source_has(_predict().predict, "isfile"),
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
        "predict-folder",
        "predict under launch: `FileExistsError` of the folder for the pictures, now and then",
        "mkdir looks whether the folder is there and then makes it; another process may be between",
        "paddleseg 2.8.0 and 2.10",
        lambda: not source_has(_predict().mkdir, "exist_ok"),
        _patch_folder,
    ),
)
