"""The two kinds of toy picture: `shapes_scene` (evidence is local), `context_scene` (far away).

A scene is a pair: image (H, W, 3) uint8 RGB, label (H, W) uint8 with 0 background, 1 … 20 objects
and 255 in a rim of two pixels around every object, as in Pascal VOC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from paddle_ann.datasets import toy_drawing as draw

NUM_OBJECTS = 20
CLASS_NAMES = ("background", *draw.SHAPES)
_POLYGONS = tuple(draw.SHAPES.values())
_FINE = draw.SUPERSAMPLE
_MIN_VISIBLE = 0.7
Surface = Callable[[tuple[int, int], np.ndarray, float, float], np.ndarray]
"""(size, center, angle, radius) of an object to its colours, RGB (H, W, 3) or (3,) in [0, 1]."""


class Scene(NamedTuple):
    """One picture and its label map."""

    image: np.ndarray
    label: np.ndarray


class _Canvas:
    """A picture in the making: supersampled colours and the label map at the final size."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        self.rng, self.size = rng, size
        self.image = cv2.resize(draw.background(rng, size), None, fx=_FINE, fy=_FINE).clip(0.0, 1.0)
        self.label = np.zeros(size, np.uint8)
        self._areas: dict[int, int] = {}

    def free(self, covered: np.ndarray) -> bool:
        """Whether every object on the canvas stays mostly visible if `covered` is laid on top."""
        return all(
            np.count_nonzero((self.label == k) & ~covered) >= _MIN_VISIBLE * area
            for k, area in self._areas.items()
        )

    def put(
        self,
        class_id: int,
        polygon: np.ndarray,
        surface: Surface,
        radius: float,
        center: np.ndarray,
    ) -> bool:
        """Lays one object down unless it would hide another; says whether it did."""
        angle, reach = self.rng.uniform(0.0, 2.0 * np.pi), 1.8 * radius
        left, top = np.maximum(np.floor(center - reach), 0).astype(int)
        right, bottom = np.minimum(np.ceil(center + reach), self.size[::-1]).astype(int)
        fine = slice(top * _FINE, bottom * _FINE), slice(left * _FINE, right * _FINE)
        window = self.image[fine]
        place, scaled = (center - (left, top)) * _FINE, radius * _FINE
        mask = draw.coverage(polygon, place, scaled, angle, window.shape[:2])
        covered = np.zeros(self.size, bool)
        covered[top:bottom, left:right] = draw.shrink(mask) >= 0.5
        if not self.free(covered):
            return False
        draw.paint(window, mask, surface(window.shape[:2], place, angle, scaled), scaled)
        self.label[covered] = class_id
        if class_id:
            self._areas[class_id] = int(np.count_nonzero(covered))
        return True

    def finish(self) -> Scene:
        """Shrinks, adds sensor noise and marks the rims with 255."""
        image = draw.shrink(self.image) + self.rng.normal(0.0, 0.015, (*self.size, 3))
        cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
        rim = cv2.dilate(self.label, cross) != cv2.erode(self.label, cross)
        self.label[rim] = 255
        return Scene((image.clip(0.0, 1.0) * 255.0).round().astype(np.uint8), self.label)


def class_color(class_id: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """RGB in [0, 1] of an object class: 20 hues, light and dark in turn, varied a little."""
    drift = rng.uniform(-0.012, 0.012) if rng is not None else 0.0
    value = (0.95, 0.6)[class_id % 2]
    return draw.hsv_to_rgb((class_id - 1) / NUM_OBJECTS + drift, 0.85, value)


def _class_surface(class_id: int, rng: np.random.Generator) -> Surface:
    """The surface of a class: its colour, with one of five patterns in a second tone."""
    color = class_color(class_id, rng)
    second = color * 0.62 if class_id % 2 == 0 else color + 0.55 * (1.0 - color)

    def surface(
        size: tuple[int, int], center: np.ndarray, angle: float, radius: float
    ) -> np.ndarray:
        tone = draw.pattern((class_id - 1) % 5, size, center, angle, 0.5 * radius)[:, :, None]
        return color * (1.0 - tone) + second * tone

    return surface


def shapes_scene(rng: np.random.Generator, size: tuple[int, int], classes: list[int]) -> Scene:
    """Several objects; each class has a shape, a colour and a pattern of its own.

    Args:
        rng: Source of all chance.
        size: Height and width in pixels.
        classes: Distinct ids in 1 … 20, drawn from the back to the front.
    """
    canvas = _Canvas(rng, size)
    extent = np.array(size[::-1], float)
    unit = min(size) / np.sqrt(max(len(classes), 3) / 3.0)
    for class_id in classes:
        radius, surface = unit * rng.uniform(0.19, 0.31), _class_surface(class_id, rng)
        for _ in range(100):
            center = rng.uniform(0.7 * radius, extent - 0.7 * radius)
            if canvas.put(class_id, _POLYGONS[class_id - 1], surface, radius, center):
                break
            radius = max(0.97 * radius, 0.14 * unit)
    return canvas.finish()


def context_scene(rng: np.random.Generator, size: tuple[int, int], classes: list[int]) -> Scene:
    """One grey object whose class only the colour of a mark in a corner tells.

    Shape, size and pose of the object say nothing about its class. The mark is background in the
    label. The object keeps `mark_distance(size)` pixels from the mark: who sees less cannot know.

    Args:
        rng: Source of all chance.
        size: Height and width in pixels.
        classes: The class, in 1 … 20, as a list of one.
    """
    (class_id,) = classes
    canvas = _Canvas(rng, size)
    mark = min(size) / 12.0
    inset, extent = 1.2 * mark, np.array(size[::-1], float)
    side = rng.integers(2, size=2)
    color = class_color(class_id)
    canvas.put(0, _POLYGONS[0], lambda *_: color, mark, np.abs(side * extent - inset))
    radius = min(size) * rng.uniform(0.13, 0.18)
    nearest, farthest = np.full(2, 1.2 * radius), extent - 1.2 * radius
    far_axis = rng.integers(2)
    nearest[far_axis] = inset + mark + mark_distance(size) + 1.2 * radius
    center = np.abs(side * extent - rng.uniform(nearest, np.maximum(nearest, farthest)))
    grey = draw.hsv_to_rgb(0.0, 0.0, rng.uniform(0.3, 0.75))
    canvas.put(class_id, _POLYGONS[rng.integers(NUM_OBJECTS)], lambda *_: grey, radius, center)
    return canvas.finish()


def mark_distance(size: tuple[int, int]) -> float:
    """Least distance in pixels between the object and the mark of a context scene."""
    return min(size) * 0.35
