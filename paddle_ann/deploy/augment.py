"""Test-time augmentation: the network sees a picture at several scales and mirrored.

The views of PaddleSeg's `aug_inference`, resized as there, in NumPy. It averages logits; here
probabilities are averaged, so that a view in which logits run high does not outvote the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from paddle_ann.deploy.runner.prepare import resize
from paddle_ann.engine.inference import check_scales

Network = Callable[[np.ndarray], np.ndarray]  # (N, 3, H, W) -> (N, C, H, W) logits
Softmax = Callable[[np.ndarray], np.ndarray]  # (C, H, W) logits -> probabilities


def views(
    scales: Sequence[float], flip_horizontal: bool = False, flip_vertical: bool = False
) -> list[tuple[float, tuple[int, ...]]]:
    """List the views of a picture: each scale with each flip.

    Args:
        scales: from 0.05 to 20.
        flip_horizontal: also mirrored.
        flip_vertical: also upside down; with both flips, also turned by 180 degrees.

    Returns:
        The scale, and the axes of (N, C, H, W) to flip.

    Raises:
        ValueError: if a scale is no number in that range, or there is none.
    """
    flips: list[tuple[int, ...]] = [()]
    if flip_horizontal:
        flips.append((3,))
    if flip_vertical:
        flips.append((2,))
    if flip_horizontal and flip_vertical:
        flips.append((2, 3))
    return [(scale, axes) for scale in check_scales(scales) for axes in flips]


def average(
    batch: np.ndarray,
    network: Network,
    softmax: Softmax,
    seen: Sequence[tuple[float, tuple[int, ...]]],
) -> np.ndarray:
    """Run the network on every view, and average the probabilities.

    Args:
        batch: (N, 3, H, W) float32, prepared.
        network: computes logits.
        softmax: makes them probabilities, once they are back at their size.
        seen: as `views` lists them.

    Returns:
        (N, C, H, W) float32.
    """
    total = np.zeros(1, np.float32)
    for found in _run_views(batch, network, seen):
        total = total + np.stack([softmax(one) for one in found])
    return total / np.float32(len(seen))


def _run_views(
    batch: np.ndarray, network: Network, seen: Sequence[tuple[float, tuple[int, ...]]]
) -> Iterator[np.ndarray]:
    """Yield the logits of every view, at the size and the right way up of the batch."""
    height, width = batch.shape[2:]
    for scale, axes in seen:
        size = max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
        scaled = np.flip(resize_all(batch, size), axes)
        logits = np.flip(network(np.ascontiguousarray(scaled)), axes)
        yield resize_all(logits, (height, width))


def resize_all(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize (N, C, h, w) to (N, C, H, W), bilinearly, corners not aligned."""
    if maps.shape[2:] == size:
        return maps
    return np.stack([resize(one.transpose(1, 2, 0), size).transpose(2, 0, 1) for one in maps])
