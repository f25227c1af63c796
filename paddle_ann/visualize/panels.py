"""Pictures of a model's work: image, label and prediction side by side, with a legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import paddle
from paddleseg.core import infer
from PIL import Image, ImageDraw

from paddle_ann.datasets import images
from paddle_ann.fonts import font_for

__all__ = ["Sample", "contact_sheet", "legend", "predict_samples"]

_GAP = 8
_TEXT = 13
_IGNORED = (224, 224, 224)


class Sample(NamedTuple):
    """One validation image: `image` (H, W, 3) uint8 RGB, `label` and `prediction` (H, W) uint8."""

    image: np.ndarray
    label: np.ndarray
    prediction: np.ndarray


def predict_samples(
    model: paddle.nn.Layer, dataset: paddle.io.Dataset, indices: Iterable[int]
) -> list[Sample]:
    """Runs the model on items of a validation data set; predictions have the labels' size."""
    model.eval()
    samples = []
    for index in indices:
        data = dataset[index]
        with paddle.no_grad():
            image = paddle.to_tensor(data["img"][np.newaxis])
            prediction, _ = infer.inference(model, image, trans_info=data["trans_info"])
        with images.open_image(dataset.file_list[index][0]) as file:
            rgb = np.asarray(file.convert("RGB"))
        samples.append(
            Sample(rgb, data["label"][0].astype("uint8"), prediction.numpy()[0, 0].astype("uint8"))
        )
    return samples


def contact_sheet(
    samples: Sequence[Sample],
    names: Sequence[str],
    palette: np.ndarray,
    *,
    height: int = 144,
    per_row: int = 2,
    ignore_index: int = 255,
) -> Image.Image:
    """Draws the samples in rows, and below them the colour and name of every class on the sheet.

    Args:
        samples: What to show, at least one.
        names: Class names by index.
        palette: (num_classes, 3) uint8 RGB.
        height: Height in pixels to which every picture is scaled.
        per_row: Samples (of three pictures each) in a row.
        ignore_index: Label value that is drawn grey.

    Returns:
        The sheet, RGB.
    """
    if not samples:
        raise ValueError("samples is empty; a contact sheet needs at least one.")
    colors = np.full((256, 3), _IGNORED, np.uint8)
    colors[: len(palette)] = palette
    colors[ignore_index] = _IGNORED
    tiles = [
        [_scaled(picture, height) for picture in (s.image, colors[s.label], colors[s.prediction])]
        for s in samples
    ]
    cell = max(tile.width for row in tiles for tile in row) + _GAP
    width = cell * 3 * min(per_row, len(samples)) + _GAP
    present = np.unique(
        [v for s in samples for v in (*np.unique(s.label), *np.unique(s.prediction))]
    )
    explained = legend(
        [(names[value], colors[value]) for value in present if value < len(names)]
        + ([("ignored", colors[ignore_index])] if ignore_index in present else []),
        width,
    )
    top = _TEXT + 2 * _GAP
    rows = -(-len(samples) // per_row)
    sheet = Image.new("RGB", (width, top + rows * (height + _GAP) + explained.height), "white")
    draw = ImageDraw.Draw(sheet)
    for index, row in enumerate(tiles):
        x0, y = _GAP + index % per_row * 3 * cell, top + index // per_row * (height + _GAP)
        for column, tile in enumerate(row):
            sheet.paste(tile, (x0 + column * cell, y))
            if index < per_row:
                title = ("image", "label", "prediction")[column]
                draw.text((x0 + column * cell, _GAP), title, "black", font_for(title, _TEXT))
    sheet.paste(explained, (0, sheet.height - explained.height))
    return sheet


def _scaled(picture: np.ndarray, height: int) -> Image.Image:
    image = Image.fromarray(picture)
    size = (max(1, round(image.width * height / image.height)), height)
    return image.resize(size, Image.Resampling.NEAREST)


def legend(entries: Sequence[tuple[str, np.ndarray]], width: int) -> Image.Image:
    """Draws names beside their colours, in as many columns as there is room for.

    Args:
        entries: Name, and colour as R, G, B from 0 to 255; at least one.
        width: Of the picture, in pixels; it is wider if a name is.

    Returns:
        The picture, RGB, on white.
    """
    font = font_for("".join(name for name, _ in entries), _TEXT)
    column = 2 * _TEXT + _GAP + int(max(font.getlength(name) for name, _ in entries))
    columns = max(1, (width - _GAP) // column)
    line = _TEXT + _GAP // 2
    rows = -(-len(entries) // columns)
    image = Image.new("RGB", (max(width, column + _GAP), rows * line + _GAP), "white")
    draw = ImageDraw.Draw(image)
    for index, (name, color) in enumerate(entries):
        x, y = _GAP + index % columns * column, index // columns * line
        box = (x, y + 2, x + _TEXT, y + 2 + _TEXT)
        draw.rectangle(box, fill=tuple(int(c) for c in color), outline="grey")
        draw.text((x + _TEXT + 4, y), name, "black", font)
    return image
