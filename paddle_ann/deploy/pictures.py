"""The pictures that an export is compared on: given ones, or generated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from paddle_ann.datasets.images import read_untrusted
from paddle_ann.deploy.preprocessing import describe


def load(images: Sequence[Any]) -> list[np.ndarray]:
    """Return pictures as arrays (H, W, 3) uint8 RGB.

    Args:
        images: paths, or arrays of that form.

    Raises:
        FileNotFoundError: if a file is missing.
        TypeError: if something is neither a path nor such an array.
        ValueError: if there is none, or one cannot be read.
    """
    if isinstance(images, (str, Path)) or not len(images):
        raise ValueError(f"images must be a list of paths or arrays, at least one; got {images!r}.")
    return [_load(image) for image in images]


def _load(image: Any) -> np.ndarray:
    if isinstance(image, (str, Path)):
        if not os.path.isfile(image):
            raise FileNotFoundError(f"The image {image} does not exist.")
        return read_untrusted(image)
    if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3):
        raise TypeError(
            "images must be paths or arrays (H, W, 3) of uint8, RGB; received "
            f"{type(image).__name__}."
        )
    return image


def generate(transforms: Any) -> list[np.ndarray]:
    """Draw two pictures of smooth colours and noise, small enough for the transforms to take."""
    steps = describe(transforms)
    limits = [step["target_size"] for step in steps if step["type"] == "Padding"]
    random = np.random.RandomState(0)
    drawn = []
    for size in ((97, 65), (59, 83)):
        width, height = (min([size[i], *(limit[i] for limit in limits)]) for i in (0, 1))
        coarse = Image.fromarray(random.randint(0, 256, (5, 7, 3)).astype(np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int64)
        noisy = smooth + random.randint(-20, 21, smooth.shape)
        drawn.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return drawn
