"""Attention as one picture: a row for each point, a column for each grid, and the scale below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from paddle import nn
from PIL import Image, ImageDraw

from paddle_ann.fonts import font_for
from paddle_ann.visualize.attending import Attention, Observation, check_image, observe
from paddle_ann.visualize.shading import ramp, scale_top, shade, ticks

__all__ = ["attention_picture", "draw_attention"]

_GAP = 8
_TEXT = 13
_LINE = _TEXT + 5
_TITLE = 11 * _TEXT  # the width of the longest one over a grid
_OPACITY = 0.72  # of the cells over the picture
_BAR = (256, 14)
_INK, _FAINT = (20, 20, 20), (95, 95, 95)


def attention_picture(
    model: nn.Layer, image: Any, points: Any, names: Sequence[str] = (), height: int = 120
) -> np.ndarray:
    """Draws what a network attends to at a few pixels of an image, for a log of training.

    One forward pass in eval mode, and some milliseconds of drawing; the network has the mode it
    was in afterwards. The image is shown with its smallest value black and its largest white,
    whatever it was normalised by.

    Args:
        model: See `attention`.
        image: (3, H, W) or (1, 3, H, W) floats, normalised as the network expects.
        points: (x, y) of each, integers within the image.
        names: Class names by index, for the titles; numbers where there are none.
        height: Of one panel, in pixels.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        TypeError: See `attention`.
        ValueError: See `attention`.
    """
    batch = check_image(image)
    observation = observe(model, batch)
    values = batch.astype("float32").numpy()[0].transpose(1, 2, 0)
    low, high = float(values.min()), float(values.max())
    picture = ((values - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
    found = observation.at(points)
    return np.asarray(draw_attention(picture, observation, found, found.points, names, height))


def draw_attention(
    picture: np.ndarray,
    observation: Observation,
    found: Attention,
    places: np.ndarray,
    names: Sequence[str] = (),
    height: int = 160,
) -> Image.Image:
    """Draws some points' attention, each block on the scale of its largest weight in the image.

    Args:
        picture: (H, W, 3) uint8 RGB, what the network saw at any size.
        observation: Of the image.
        found: Of its points.
        places: (P, 2), x and y of the points in `picture`.
        names: Class names by index; numbers where there are none.
        height: Of one panel, in pixels.

    Returns:
        RGB, on white.
    """
    panel = _resized(picture, height)
    gray = panel.convert("L").convert("RGB")
    tops = {block.name: scale_top([block.weights]) for block in observation.blocks}
    columns = 1 + sum(len(block.pool_sizes) for block in found.blocks.values())
    cell = max(panel.width, _TITLE) + _GAP
    row = height + _LINE + _GAP
    title, foot = 2 * _LINE, (_LINE * 2 + _BAR[1] + _GAP) * len(tops)
    size = (max(columns * cell, _BAR[0] + 320) + _GAP, title + row * len(places) + foot + _GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    scale = panel.height / picture.shape[0]
    for index, place in enumerate(places):
        y, x = title + index * row, _GAP
        _text(draw, (x, y), _title(found, index, names), _INK)
        spot = (float(place[0]) + 0.5) * scale, (float(place[1]) + 0.5) * scale
        sheet.paste(_marked(panel, spot), (x, y + _LINE))
        for block in found.blocks.values():
            for grid in block.grids:
                x += cell
                share = f"sum {grid[index].sum():.3f}, even {grid[index].size * block.uniform:.3f}"
                _text(draw, (x, y), share, _FAINT)
                levels = shade(grid[index], block.uniform, tops[block.name])
                sheet.paste(_marked(_covered(gray, levels), spot), (x, y + _LINE))
    _headings(draw, found, cell)
    for index, (name, top) in enumerate(tops.items()):
        y = size[1] - foot + index * (2 * _LINE + _BAR[1] + _GAP)
        _scale(sheet, draw, (_GAP, y), name, top, found.blocks[name].uniform)
    return sheet


def _headings(draw: ImageDraw.ImageDraw, found: Attention, cell: int) -> None:
    _text(draw, (_GAP, _GAP), "picture", _INK)
    x = _GAP
    for block in found.blocks.values():
        for size in block.pool_sizes:
            x += cell
            _text(draw, (x, _GAP), f"{block.name} {size}x{size}", _INK)


def _title(found: Attention, index: int, names: Sequence[str]) -> str:
    number = int(found.classes[index])
    name = names[number] if number < len(names) else f"class {number}"
    return f"{index + 1}: {name} {found.probabilities[index, number]:.0%}"


def _resized(picture: np.ndarray, height: int) -> Image.Image:
    image = Image.fromarray(picture)
    size = (max(1, round(image.width * height / image.height)), height)
    return image.resize(size, Image.Resampling.BICUBIC)


def _covered(gray: Image.Image, levels: np.ndarray) -> Image.Image:
    colors = Image.fromarray(ramp()[levels])
    return Image.blend(gray, colors.resize(gray.size, Image.Resampling.NEAREST), _OPACITY)


def _marked(panel: Image.Image, spot: tuple[float, float]) -> Image.Image:
    marked = panel.copy()
    draw = ImageDraw.Draw(marked)
    for radius, color in ((6, "black"), (5, "white"), (4, "white"), (3, "black")):
        box = [spot[0] - radius, spot[1] - radius, spot[0] + radius, spot[1] + radius]
        draw.ellipse(box, outline=color)
    return marked


def _scale(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    name: str,
    top: float,
    uniform: float,
) -> None:
    x, y = corner
    _text(draw, (x, y), f"{name}: weight of a cell (and times the even weight {uniform:.4f})", _INK)
    bar = Image.fromarray(ramp()[np.newaxis]).resize(_BAR)
    sheet.paste(bar, (x, y + _LINE))
    for times in ticks(top):
        place = x + int(shade(np.array(times), 1, top)) * (_BAR[0] - 1) // 255
        draw.line((place, y + _LINE + _BAR[1], place, y + _LINE + _BAR[1] + 4), fill=_INK)
    labels = [f"{times * uniform:.2g} (x{times:.2g})" for times in ticks(top)[::2]]
    _text(draw, (x + _BAR[0] + _GAP, y + _LINE), "   ".join(labels), _INK)


def _text(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, color: tuple[int, int, int]
) -> None:
    draw.text(place, text, color, font_for(text, _TEXT))
