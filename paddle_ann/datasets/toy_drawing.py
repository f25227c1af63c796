"""Shapes, textures, light and backgrounds of the toy pictures: arrays in, arrays out, no files.

Everything is drawn `SUPERSAMPLE` times larger than the picture and averaged down: smooth edges.
Shapes: image (H, W, 3) float32 RGB in [0, 1]; coverage (H, W) float32 in [0, 1].
"""

from __future__ import annotations

from typing import Callable

import cv2
import numpy as np

SUPERSAMPLE = 3


def _polar(radius: Callable[[np.ndarray], np.ndarray], points: int = 144) -> np.ndarray:
    angle = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    return radius(angle)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _regular(corners: int, inner: float | None = None) -> np.ndarray:
    """A regular polygon, or a star when the radius of the inner corners is given."""
    count = corners if inner is None else 2 * corners
    angle = 2.0 * np.pi * np.arange(count) / count - np.pi / 2.0
    radius = np.where(np.arange(count) % 2 == 1, 1.0 if inner is None else inner, 1.0)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _heart() -> np.ndarray:
    t = np.linspace(0.0, 2.0 * np.pi, 96, endpoint=False)
    y = 13.0 * np.cos(t) - 5.0 * np.cos(2.0 * t) - 2.0 * np.cos(3.0 * t) - np.cos(4.0 * t)
    return np.stack([16.0 * np.sin(t) ** 3, -(y + 2.5)], axis=1) / 15.0


def _crescent() -> np.ndarray:
    outer, inner = (
        np.linspace(0.72, 2.0 * np.pi - 0.72, 72),
        np.linspace(-1.84, 1.84, 48)[::-1] + np.pi,
    )
    arc = np.stack([np.cos(outer), np.sin(outer)], axis=1)
    bite = 0.68 * np.stack([np.cos(inner), np.sin(inner)], axis=1) + [0.57, 0.0]
    return np.concatenate([arc, bite]) + [0.25, 0.0]


def _half_disc() -> np.ndarray:
    angle = np.linspace(0.0, np.pi, 64)
    return np.stack([np.cos(angle), np.sin(angle) * 1.1 - 0.45], axis=1)


SHAPES: dict[str, np.ndarray] = {
    "disc": _polar(lambda a: np.full_like(a, 0.9)),
    "square": np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.8,
    "triangle": _regular(3) + [0.0, 0.2],
    "star": _regular(5, inner=0.52) * 1.1,
    "hexagon": _regular(6),
    "heart": _heart(),
    "plus": np.array(
        [
            [-2, -5],
            [2, -5],
            [2, -2],
            [5, -2],
            [5, 2],
            [2, 2],
            [2, 5],
            [-2, 5],
            [-2, 2],
            [-5, 2],
            [-5, -2],
            [-2, -2],
        ]
    )
    / 5.2,
    "crescent": _crescent(),
    "diamond": np.array([[0, -1.15], [0.75, 0], [0, 1.15], [-0.75, 0]]),
    "pentagon": _regular(5),
    "ellipse": _polar(np.ones_like) * [1.1, 0.68],
    "arrow": np.array(
        [[0, -1.1], [1, 0], [0.45, 0], [0.45, 1.0], [-0.45, 1.0], [-0.45, 0], [-1, 0]]
    ),
    "half disc": _half_disc(),
    "flower": _polar(lambda a: 0.8 + 0.24 * np.cos(5.0 * a)),
    "drop": _polar(lambda a: 0.66 + 0.5 * np.exp(-3.0 * (1.0 - np.cos(a - np.pi / 2.0)))),
    "gear": _polar(lambda a: 0.86 + 0.13 * np.tanh(5.0 * np.sin(8.0 * a))),
    "trapezoid": np.array([[-0.5, -0.75], [0.5, -0.75], [1.0, 0.75], [-1.0, 0.75]]),
    "burst": _regular(8, inner=0.7) * 1.05,
    "bolt": np.array(
        [[0.6, -1.1], [-0.9, 0.3], [-0.25, 0.3], [-0.6, 1.1], [0.9, -0.4], [0.25, -0.4]]
    ),
    "egg": _polar(lambda a: 0.78 + 0.16 * np.sin(a)) * [0.86, 1.12],
}


def coverage(
    polygon: np.ndarray, center: np.ndarray, radius: float, angle: float, size: tuple[int, int]
) -> np.ndarray:
    """Draws a polygon.

    Args:
        polygon: Corners (K, 2), x and y, about 1 from the origin.
        center: x and y in pixels.
        radius: Pixels that 1 in `polygon` stands for.
        angle: Rotation in radians.
        size: Height and width in pixels.

    Returns:
        float32 (H, W), 0 outside, 1 inside.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    corners = polygon @ np.array([[cos, sin], [-sin, cos]]) * radius + center
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(np.float32)


def shrink(image: np.ndarray) -> np.ndarray:
    """Averages a supersampled array down to the size of the picture."""
    height, width = image.shape[:2]
    return cv2.resize(
        image, (width // SUPERSAMPLE, height // SUPERSAMPLE), interpolation=cv2.INTER_AREA
    )


def noise(rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, ...]) -> np.ndarray:
    """Smooth value noise of several scales, (H, W) float32 in about [-1, 1]."""
    total = np.zeros(size, np.float32)
    for cell in cells:
        grid = rng.uniform(-1.0, 1.0, (cell, cell)).astype(np.float32)
        total += cv2.resize(grid, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return total / np.sqrt(len(cells))


def background(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A pale, textured ground: cloth, wood, stone or sand. RGB (H, W, 3) float32 in [0, 1]."""
    height, width = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(size)
    angle = rng.uniform(0.0, np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    coarse, fine = noise(rng, size, (3, 5)), noise(rng, size, (17, 41))
    kind = rng.integers(4)
    if kind == 0:  # wood: bent rings
        texture = 0.6 * np.sin(40.0 * along + 5.0 * coarse) + 0.4 * fine
    elif kind == 1:  # cloth: two crossing threads
        across = np.cos(angle) * y - np.sin(angle) * x
        texture = 0.5 * np.sin(150.0 * along) + 0.5 * np.sin(150.0 * across) + 0.4 * fine
    elif kind == 2:  # stone: clouds with veins
        texture = coarse - 1.2 * np.exp(-12.0 * np.abs(noise(rng, size, (4, 9))))
    else:  # sand: grain
        texture = 0.6 * fine + 0.7 * noise(rng, size, (61, 83))
    tint = hsv_to_rgb(rng.uniform(0.0, 1.0), rng.uniform(0.05, 0.2), rng.uniform(0.55, 0.9))
    light = 1.0 + 0.16 * coarse + 0.09 * texture
    return np.clip(tint * light[:, :, None], 0.0, 1.0).astype(np.float32)


def hsv_to_rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    """One colour, float32 (3,); all values in [0, 1], the hue wraps around."""
    pixel = np.array([[[(hue % 1.0) * 360.0, saturation, value]]], np.float32)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0]


def pattern(
    kind: int, size: tuple[int, int], center: np.ndarray, angle: float, period: float
) -> np.ndarray:
    """A two-tone surface pattern in [0, 1]: 0 plain, 1 stripes, 2 dots, 3 checks, 4 rings.

    Args:
        kind: 0 … 4.
        size: Height and width in pixels.
        center: Centre of the object in pixels, x and y.
        angle: Rotation of the object in radians.
        period: Length of one repeat in pixels.
    """
    y, x = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    x, y = x - center[0], y - center[1]
    u = (np.cos(angle) * x + np.sin(angle) * y) * (2.0 * np.pi / period)
    v = (np.cos(angle) * y - np.sin(angle) * x) * (2.0 * np.pi / period)
    waves = {
        0: lambda: np.zeros_like(u),
        1: lambda: np.sin(u),
        2: lambda: np.cos(u) + np.cos(v) - 0.9,
        3: lambda: np.sin(u) * np.sin(v) * 2.0,
        4: lambda: np.sin(np.hypot(u, v)),
    }
    return (1.0 / (1.0 + np.exp(-6.0 * waves[kind]()))).astype(np.float32)


def paint(image: np.ndarray, mask: np.ndarray, surface: np.ndarray, radius: float) -> None:
    """Lays an object with a soft shadow and a lit, rounded rim on the picture, in place.

    Args:
        image: RGB (H, W, 3) float32 in [0, 1]; changed.
        mask: Coverage of the object (H, W).
        surface: Colour of the object, broadcastable to `image`.
        radius: Radius of the object in pixels; sets the width of rim and shadow.
    """
    shift, blur = 0.12 * radius, 0.10 * radius
    move = np.array([[1, 0, shift], [0, 1, shift]], np.float32)
    shadow = cv2.warpAffine(mask, move, mask.shape[::-1])
    image *= 1.0 - 0.45 * cv2.GaussianBlur(shadow, (0, 0), blur)[:, :, None]
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    dome = cv2.GaussianBlur(np.minimum(depth / (0.3 * radius), 1.0), (0, 0), 0.06 * radius)
    gy, gx = np.gradient(dome)
    light = 1.0 + 0.22 * radius * (gx + gy).clip(-2.0 / radius, 2.0 / radius)
    lit = np.clip(surface * light[:, :, None], 0.0, 1.0)
    np.copyto(image, lit, where=mask[:, :, None] > 0.5)
