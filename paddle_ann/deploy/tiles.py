"""Large pictures in tiles that overlap: where they lie, how they are weighted, and their blending.

Only a band of rows is held, as high as a tile: rows that no later tile reaches are given away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")
Run = Callable[[np.ndarray], np.ndarray]  # (N, h, w, 3) uint8 -> (N, C, h, w) float32


def check_tile(size: Any, overlap: Any) -> tuple[int, int]:
    """Return the side of a tile and the step from one to the next.

    Args:
        size: pixels of a side.
        overlap: the share of a tile that the next one covers again, from 0 to 0.9.

    Raises:
        ValueError: if one is out of its range.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(
            f"tile must be a number of pixels, at least 1, such as 512; received {size!r}."
        )
    number = isinstance(overlap, (int, float)) and not isinstance(overlap, bool)
    if not number or not 0 <= overlap <= 0.9:
        raise ValueError(f"overlap must be a share of a tile from 0 to 0.9; received {overlap!r}.")
    return size, max(1, size - round(size * overlap))


def starts(length: int, size: int, stride: int) -> list[int]:
    """Place tiles along one axis; the last ends where the picture ends.

    Args:
        length: pixels of the picture.
        size: of a tile; it may be larger than the picture.
        stride: from one tile to the next, from 1 to `size`.

    Returns:
        The first pixel of each tile, ascending.
    """
    last = max(length - size, 0)
    return [*range(0, last, stride), last]


def weights(height: int, width: int) -> np.ndarray:
    """Weigh the pixels of a tile: much in the middle, next to nothing at the rim, nowhere 0.

    A squared sine along each axis, taken at the middle of each pixel, so that the weight of a tile
    rises as that of its neighbour falls, and no seam shows.

    Returns:
        (height, width) float32.
    """
    rise = [np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in (height, width)]
    return np.outer(*rise).astype(np.float32)


def blend(
    rows: Any,
    size: int,
    stride: int,
    run: Run,
    finish: Callable[[np.ndarray], Result],
    batch_size: int = 1,
) -> Iterator[tuple[int, Result]]:
    """Run a network on tiles and average what they say of a pixel, by `weights`.

    Args:
        rows: the picture, (H, W, 3) uint8 RGB; it needs `shape` and slices of rows, no more.
        size: of a tile; along an axis on which the picture is smaller, the tile is as small.
        stride: from one tile to the next, from 1 to `size`.
        run: computes probabilities of tiles.
        finish: what to make of finished rows, (C, h, W) float32. They are overwritten afterwards:
            take `np.copy` to keep them.
        batch_size: tiles that run together.

    Yields:
        The first of the finished rows, and what `finish` made of them; from top to bottom.
    """
    height, width = rows.shape[:2]
    high, wide = min(size, height), min(size, width)
    weight = weights(high, wide)
    tops, lefts = starts(height, high, stride), starts(width, wide, stride)
    mass = np.zeros((high, width), np.float32)
    total = np.zeros((0, high, width), np.float32)
    for top, following in zip(tops, [*tops[1:], height]):
        band = rows[top : top + high]
        for first in range(0, len(lefts), batch_size):
            places = [slice(left, left + wide) for left in lefts[first : first + batch_size]]
            found = run(np.stack([band[:, place] for place in places]))
            if not len(total):  # now the number of classes is known
                total = np.zeros((found.shape[1], high, width), np.float32)
            for one, place in zip(found, places):
                total[:, :, place] += one * weight
                mass[:, place] += weight
        done = following - top
        total[:, :done] /= mass[:done]
        yield top, finish(total[:, :done])
        for array in (total, mass[None]):
            for plane in array:  # one class at a time: the move takes a copy
                plane[: high - done] = plane[done:].copy()
                plane[high - done :] = 0
