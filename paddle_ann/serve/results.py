"""What is answered about a picture: areas and confidence of the classes, and PNG files."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np

from paddle_ann.deploy import Prediction
from paddle_ann.deploy.outputs import KINDS, Kind
from paddle_ann.deploy.png import PngRows

PICTURES = {**KINDS, "image": Kind("RGB", (), lambda rgb, found, palette: rgb)}


class Result(NamedTuple):
    """What is answered about a picture.

    Attributes:
        width: of the picture, upright.
        height: likewise.
        classes: of each class the pixels, their share of the picture, from 0 to 1, and the mean
            confidence (None if there are no pixels, or no scores).
        confidence: the mean over the picture, or None.
        pictures: PNG files, by kind.
        seconds: how long each step took.
    """

    width: int
    height: int
    classes: list[dict[str, Any]]
    confidence: float | None
    pictures: dict[str, bytes]
    seconds: dict[str, float]


def summarise(found: Prediction, count: int) -> tuple[list[dict[str, Any]], float | None]:
    """Count pixels and average confidence, for each class and for all.

    Args:
        found: holds ids (H, W), and confidence (H, W) if there are scores.
        count: of classes.

    Returns:
        `classes` and `confidence` of a `Result`.
    """
    flat = found.ids.reshape(-1)
    pixels = np.bincount(flat, minlength=count)
    confidence = vars(found).get("confidence")
    sums = None if confidence is None else np.bincount(flat, confidence.reshape(-1), count)
    classes = [
        {
            "pixels": int(number),
            "area": int(number) / flat.size,
            "confidence": None if sums is None or not number else float(sums[index] / number),
        }
        for index, number in enumerate(pixels)
    ]
    return classes, None if sums is None else float(sums.sum() / flat.size)


def png(kind: str, rgb: np.ndarray, found: Prediction, palette: np.ndarray) -> bytes:
    """Draw one of `PICTURES` as `tools/infer.py` does, and return the file's content."""
    file, how = io.BytesIO(), PICTURES[kind]
    colors = palette if how.mode == "P" else None
    picture = PngRows(file, rgb.shape[1], rgb.shape[0], how.mode, colors)
    picture.write(how.draw(rgb, found, palette))
    picture.close()
    return file.getvalue()


def describe(result: Result, classes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the interface answers as JSON, without pictures.

    Args:
        result: of one picture.
        classes: what is known of each class: id, name, color.
    """
    return {
        "width": result.width,
        "height": result.height,
        "confidence": result.confidence,
        "classes": [{**known, **found} for known, found in zip(classes, result.classes)],
        "seconds": {name: round(value, 6) for name, value in result.seconds.items()},
    }
