"""A picture as the network sees it, and where its pixels are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import paddleseg.transforms as T

__all__ = ["Prepared", "prepare"]

_PADDED = 127


class Prepared(NamedTuple):
    """A picture and what the network is given of it.

    Attributes:
        picture: (H, W, 3) uint8 RGB, widened by grey where the preparation pads, so that it
            covers what the network sees.
        image: (3, H', W') float32, as the network takes it.
        inside: (H, W) of the picture itself, which begins top left.
    """

    picture: np.ndarray
    image: np.ndarray
    inside: tuple[int, int]

    def points_in_image(self, points: np.ndarray) -> np.ndarray:
        """Maps (P, 2) pixels (x, y) of the picture to the pixels of `image` that show them."""
        sizes = np.array([self.image.shape[:0:-1], self.picture.shape[1::-1]])
        return (2 * points + 1) * sizes[0] // (2 * sizes[1])


def prepare(rgb: np.ndarray, transforms: Sequence[Any]) -> Prepared:
    """Prepares a picture as a configuration's validation transforms do.

    Args:
        rgb: (H, W, 3) uint8.
        transforms: PaddleSeg's, e.g. a builder's `val_transforms`: those that resize, pad on the
            right and below, and change values.

    Raises:
        TypeError: The picture is no such array.
    """
    if not (isinstance(rgb, np.ndarray) and rgb.dtype == np.uint8 and rgb.shape[2:] == (3,)):
        got = f"{rgb.dtype}, {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb)
        raise TypeError(f"rgb must be an array (H, W, 3) of uint8, RGB; received {got}.")
    call = T.Compose(list(transforms), to_rgb=False)
    data = call({"img": rgb.astype(np.float32), "trans_info": []})
    image = np.asarray(data["img"], np.float32)
    shares = shares_inside(data["trans_info"], image.shape[1:])
    height, width = rgb.shape[:2]
    whole = (round(height / shares[0]), round(width / shares[1]))
    picture = np.full((*whole, 3), _PADDED, np.uint8)
    picture[:height, :width] = rgb
    return Prepared(picture, image, (height, width))


def shares_inside(steps: Sequence[Any], final: Sequence[int]) -> tuple[float, float]:
    """Says which share of a prepared image's height and width is picture; the rest is padding.

    Args:
        steps: PaddleSeg's `trans_info`, (what, (H, W) before it) of each step.
        final: (H', W') behind the last.
    """
    shares = [1.0, 1.0]
    sizes = [*(size for _, size in steps), final]
    for (kind, before), after in zip(steps, sizes[1:]):
        if kind == "padding":
            shares = [s * old / new for s, old, new in zip(shares, before, after)]
    return shares[0], shares[1]
