"""What a network attends to when it classifies a pixel: AFNB's and APNB's own weights.

Coordinates are (x, y) in pixels, (0, 0) top left. C classes, H x W the image, h x w the map that
asks, P points, S sampled cells: 110 for the grids 1, 3, 6, 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import nn

from paddle_ann.visualize.recording import evaluating, record

__all__ = ["Attention", "BlockAttention", "Observation", "attention", "observe"]


@dataclass(frozen=True)
class BlockAttention:
    """One block's attention of some points.

    Attributes:
        name: "AFNB" or "APNB".
        pool_sizes: The grids that are attended to, s x s cells each.
        map_size: (h, w) of the map whose positions ask.
        positions: (P, 2) int64, column and row of each point in that map.
        weights: (P, S) float32, the grids one behind the other, each in row-major order; a row
            sums to 1.
    """

    name: str
    pool_sizes: tuple[int, ...]
    map_size: tuple[int, int]
    positions: np.ndarray
    weights: np.ndarray

    @property
    def uniform(self) -> float:
        """1 / S: the weight of every cell, if the network preferred none."""
        return 1 / self.weights.shape[-1]

    @property
    def grids(self) -> tuple[np.ndarray, ...]:
        """The weights as pictures: (P, s, s) for each of `pool_sizes`."""
        return split_grids(self.weights, self.pool_sizes)


@dataclass(frozen=True)
class Attention:
    """What a network says at some points, and what it attends to there.

    Attributes:
        points: (P, 2) int64, x and y.
        classes: (P,) int64, the predicted classes.
        probabilities: (P, C) float32, the softmax of the logits.
        blocks: By name, in the order in which the network runs them; a block that the network
            lacks is not there.
    """

    points: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    blocks: dict[str, BlockAttention]


class BlockMap(NamedTuple):
    """One block's attention of all positions: `weights` is (h, w, S) float32."""

    name: str
    pool_sizes: tuple[int, ...]
    weights: np.ndarray

    @property
    def uniform(self) -> float:
        """1 / S."""
        return 1 / self.weights.shape[-1]


class Observation(NamedTuple):
    """A forward pass over one image.

    Attributes:
        logits: (C, H, W) float32, at the size of the image.
        blocks: In the order in which the network runs them.
        align_corners: How the network brings its logits from h x w to H x W.
    """

    logits: np.ndarray
    blocks: tuple[BlockMap, ...]
    align_corners: bool

    def positions(self, axis: int, block: BlockMap) -> np.ndarray:
        """The map's row (axis 0) or column (axis 1) nearest to each pixel, (H,) or (W,) int64."""
        length, size = self.logits.shape[1 + axis], block.weights.shape[axis]
        return nearest_positions(length, size, self.align_corners)

    def at(self, points: Any) -> Attention:
        """Picks points; see `attention`."""
        chosen = check_points(points, self.logits.shape[2], self.logits.shape[1])
        x, y = chosen.T
        probabilities = softmax(self.logits[:, y, x]).T
        blocks = {}
        for block in self.blocks:
            column, row = self.positions(1, block)[x], self.positions(0, block)[y]
            blocks[block.name] = BlockAttention(
                block.name,
                block.pool_sizes,
                (block.weights.shape[0], block.weights.shape[1]),
                np.stack([column, row], axis=1),
                block.weights[row, column],
            )
        return Attention(chosen, probabilities.argmax(1), probabilities, blocks)


def attention(model: nn.Layer, image: Any, points: Any) -> Attention:
    """Says what a network attends to at some pixels of an image.

    These are the weights that the forward pass itself uses (paper, equations 2 and 7). The network
    computes them at each position of its map, an eighth of the image in most configurations; a
    point has those of the position nearest to it. Class and probabilities are the pixel's own.

    Args:
        model: ANN, ANNNet, what `paddle_ann.fuse` makes of an ANN, or another network around AFNB
            and APNB that returns logits, or a list that begins with them. It runs in eval mode,
            and has the mode it was in afterwards.
        image: (3, H, W) or (1, 3, H, W), array or tensor of floats, normalised as the network
            expects. `prepare` makes it from a picture and a configuration's transforms.
        points: (x, y) of each, integers with 0 <= x < W and 0 <= y < H; at least one.

    Returns:
        Classes, probabilities, and by block the weights.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A point lies outside, the image has another shape, or the network has no AFNB
            and no APNB.
    """
    batch = check_image(image)
    check_points(points, batch.shape[3], batch.shape[2])  # before the network runs
    return observe(model, batch).at(points)


def observe(model: nn.Layer, image: Any) -> Observation:
    """Runs a network over one image and keeps the attention of every position.

    Arguments and errors are those of `attention`.

    Returns:
        Logits, and each block's weights, which take h * w * S * 4 bytes.
    """
    batch = check_image(image)
    with record(model) as blocks, evaluating(model), paddle.no_grad():
        output = model(batch)
    logits = output[0] if isinstance(output, (list, tuple)) else output
    if not blocks:
        raise RuntimeError(
            f"{type(model).__name__} ran without calling its attention blocks as Python, so their "
            "weights cannot be seen. Pass the network as it was before paddle.jit.to_static."
        )
    maps = tuple(
        BlockMap(
            block.name,
            block.pool_sizes,
            block.weights.astype("float32").numpy()[0].reshape(*block.size, -1),
        )
        for block in blocks
    )
    layers = model.sublayers(include_self=True)  # itself first; a wrapped network behind it
    aligned = next((x.align_corners for x in layers if hasattr(x, "align_corners")), False)
    return Observation(logits.astype("float32").numpy()[0], maps, bool(aligned))


def split_grids(weights: np.ndarray, pool_sizes: Sequence[int]) -> tuple[np.ndarray, ...]:
    """Cuts (..., S) into the grids that it is made of, (..., s, s) each."""
    ends = np.cumsum([size * size for size in pool_sizes])[:-1]
    parts = np.split(weights, ends, axis=-1)
    return tuple(part.reshape(*part.shape[:-1], s, s) for part, s in zip(parts, pool_sizes))


def nearest_positions(length: int, size: int, align_corners: bool) -> np.ndarray:
    """Finds which of `size` positions of a map is nearest to each of `length` pixels.

    Args:
        length: Pixels along one side of the image.
        size: Positions of the map along that side.
        align_corners: Whether the first and the last position stand on the first and the last
            pixel, and not, as each position in its share of the side, in the middle.

    Returns:
        (length,) int64.
    """
    pixels = np.arange(length)
    if align_corners:
        return (pixels * (size - 1) / max(length - 1, 1) + 0.5).astype(np.int64)
    return (2 * pixels + 1) * size // (2 * length)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Makes probabilities of logits (C, ...)."""
    raised = np.exp(logits - logits.max(0))
    return raised / raised.sum(0)


def check_image(image: Any) -> paddle.Tensor:
    """Returns one image as (1, 3, H, W), or raises an error that names what is wrong."""
    rule = "image must be one image as the network takes it, floats of shape (3, H, W)"
    if not isinstance(image, (np.ndarray, paddle.Tensor)):
        raise TypeError(f"{rule} in an array or a tensor; received {type(image)}.")
    if "float" not in str(image.dtype):
        raise TypeError(
            f"{rule}; received values of type {image.dtype}. Normalise the picture first: "
            "paddle_ann.visualize.prepare(rgb, transforms).image."
        )
    shape = tuple(image.shape)
    if shape[-3:-2] != (3,) or shape[:-3] not in ((), (1,)) or 0 in shape:
        raise ValueError(
            f"{rule} or (1, 3, H, W); received shape {shape}. Of a batch take one: images[0]."
        )
    tensor = image if isinstance(image, paddle.Tensor) else paddle.to_tensor(image)
    return tensor.astype(paddle.get_default_dtype()).reshape([1, *shape[-3:]])


def check_points(points: Any, width: int, height: int) -> np.ndarray:
    """Returns points as (P, 2) int64, or raises an error that names the wrong one."""
    rule = "points must be pairs of integers, (x, y), at least one"
    try:
        array = np.asarray(points)
    except ValueError:  # of different lengths
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise ValueError(f"{rule}; received {points!r}. One point is [(x, y)].")
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{rule}; received {points!r}.")
    for x, y in array.tolist():
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"The point ({x}, {y}) lies outside the image, which is {width} pixels wide and "
                f"{height} high: x may be 0 to {width - 1}, y 0 to {height - 1}."
            )
    return array.astype(np.int64)
