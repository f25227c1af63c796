"""Preparing images and bringing results back to their size, as PaddleSeg does, in NumPy alone.

PaddleSeg prepares by OpenCV on float32 and resizes scores by Paddle; both are written out here, so
that a bundle needs neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Trace = list[tuple[str, int, int]]


def prepare(rgb: np.ndarray, steps: Sequence[dict[str, Any]]) -> tuple[np.ndarray, Trace]:
    """Prepare an image for the network.

    Args:
        rgb: (H, W, 3) uint8.
        steps: as `check_steps` returns them.

    Returns:
        (3, H', W') float32, and (what, H, W) before each step that changed the size, for `restore`.
    """
    image = rgb.astype(np.float32)
    trace: Trace = []
    for step in steps:
        height, width = image.shape[:2]
        if step["type"] == "Normalize":
            mean, std = (np.asarray(step[name], np.float64) for name in ("mean", "std"))
            image = ((image / np.float32(255) - mean) / std).astype(np.float32)
        elif step["type"].startswith("Padding"):
            image = _pad(image, step)
            if image.shape[:2] != (height, width):
                trace.append(("padding", height, width))
        else:
            size = _new_size(height, width, step)
            if size != (height, width):
                trace.append(("resize", height, width))
                image = resize(image, size, step.get("interp", "LINEAR"))
    return np.ascontiguousarray(image.transpose(2, 0, 1)), trace


def prepared_size(height: int, width: int, steps: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Tell the size that `prepare` gives an image, without doing it.

    Raises:
        ValueError: as `prepare`.
    """
    for step in steps:
        if step["type"].startswith("Padding"):
            height, width = _padded_size(height, width, step)
        elif step["type"] != "Normalize":
            height, width = _new_size(height, width, step)
    return height, width


def _new_size(height: int, width: int, step: dict[str, Any]) -> tuple[int, int]:
    long, short = max(height, width), min(height, width)
    if step["type"] == "Resize":
        target = list(step["target_size"])
        if step["keep_ratio"]:
            scale = min(max(target) / long, min(target) / short)
            target = [round(width * scale), round(height * scale)]
        if step["size_divisor"]:
            unit = step["size_divisor"]
            target = [math.ceil(side / unit) * unit for side in target]
        return max(target[1], 1), max(target[0], 1)
    if step["type"] == "LimitLong":
        most, least = step["max_long"], step["min_long"]
        if most is not None and long > most:
            scale = float(most) / float(long)
        elif least is not None and long < least:
            scale = float(least) / float(long)
        else:
            return height, width
    elif step["type"] == "ResizeByLong":
        scale = float(step["long_size"]) / float(long)
    else:
        wanted = step["short_size"]
        if wanted / short * long > step["max_size"]:
            wanted = int(step["max_size"] / long * short)
        scale = float(wanted) / float(short)
    return max(int(round(height * scale)), 1), max(int(round(width * scale)), 1)


def _padded_size(height: int, width: int, step: dict[str, Any]) -> tuple[int, int]:
    if step["type"] == "Padding":
        target_width, target_height = step["target_size"]
    else:
        ratio, wanted = width / height, step["aspect_ratio"]
        target_width = int(height * wanted) if ratio < wanted else width
        target_height = int(width / wanted) if ratio > wanted else height
    if target_height < height or target_width < width:
        raise ValueError(
            f"the image is {width}x{height} pixels (width x height), larger than the "
            f"{target_width}x{target_height} that it is padded to. Make it smaller first."
        )
    return target_height, target_width


def _pad(image: np.ndarray, step: dict[str, Any]) -> np.ndarray:
    height, width = image.shape[:2]
    more = [new - old for new, old in zip(_padded_size(height, width, step), (height, width))]
    value = np.float32(step["im_padding_value"])
    return np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), constant_values=value)


def resize(image: np.ndarray, size: tuple[int, int], interp: str = "LINEAR") -> np.ndarray:
    """Resize (h, w, C) to (H, W, C), as OpenCV does floats, and Paddle with corners not aligned."""
    if interp == "NEAREST":
        rows, columns = (
            np.minimum(np.arange(new) * (old / new), old - 1).astype(np.int64)
            for old, new in zip(image.shape, size)
        )
        return image[rows][:, columns]
    for axis, new in enumerate(size):
        old = image.shape[axis]
        if new == old:
            continue
        place = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
        before = np.minimum(place.astype(np.int64), max(old - 2, 0))
        share = (place - before).astype(np.float32)
        share = share.reshape([-1 if i == axis else 1 for i in range(image.ndim)])
        after = np.minimum(before + 1, old - 1)
        lower, upper = image.take(before, axis), image.take(after, axis)
        image = lower + (upper - lower) * share
    return image


def restore(maps: np.ndarray, trace: Trace) -> np.ndarray:
    """Bring a result back to the size of the image.

    Args:
        maps: (C, H', W') scores, resized bilinearly, or (H', W') class numbers, resized to the
            nearest.
        trace: as `prepare` returns it.

    Returns:
        (C, H, W) or (H, W).
    """
    for what, height, width in reversed(trace):
        if what == "padding":
            maps = maps[..., :height, :width]
        elif maps.ndim == 2:
            maps = resize(maps[..., None], (height, width), "NEAREST")[..., 0]
        else:
            maps = resize(maps.transpose(1, 2, 0), (height, width)).transpose(2, 0, 1)
    return maps
