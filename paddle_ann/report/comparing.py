"""Two reports of the same images: what differs, and how far chance could move the difference.

The images are resampled together, the same ones for both (a paired bootstrap): what is hard in an
image is hard for both, and drops out of the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from paddle_ann.report import bootstrap, measures
from paddle_ann.report.content import number
from paddle_ann.report.files import Loaded

FORMAT = "paddle_ann comparison 1"
RESAMPLES = 10_000
EXTREMES = 8  # images shown that got better, and worse
_FEW = 20  # images; with fewer a bootstrap's intervals are too narrow


def compare(
    first: Loaded, second: Loaded, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Compare two reports, B minus A.

    Args:
        first: A.
        second: B.
        resamples: of the images.
        seed: of the resamples.

    Returns:
        What JSON knows. Of mIoU, accuracy, boundary IoU and the IoU of each class the two values,
        their difference, its interval, whether that excludes 0, and whether the wider one does that
        makes up for looking at so many; the images that changed most.

    Raises:
        ValueError: if they are not of the same images, labels and classes.
    """
    check_same(first, second)
    names = [one["name"] for one in first.content["classes"]]
    rows = [
        *_differences(
            first.areas, second.areas, _scores, ["mIoU", "accuracy", *names], resamples, seed
        ),
        *_differences(
            first.contours, second.contours, _contours, ["boundary IoU"], resamples, seed
        ),
    ]
    order = [0, 1, len(rows) - 1, *range(2, len(rows) - 1)]
    spreads = [measures.image_iou(one.areas) for one in (first, second)]
    return {
        "format": FORMAT,
        "a": first.content["source"],
        "b": second.content["source"],
        "images": len(first.images),
        "bootstrap": {"resamples": resamples, "seed": seed, "level": bootstrap.LEVEL},
        "rows": [rows[index] for index in order],
        "warnings": _warnings(rows, len(first.images)),
        **_images(first.images, *spreads),
    }


def check_same(first: Loaded, second: Loaded) -> None:
    """Raise a ValueError unless both are of the same classes, images and labels, and comparable."""
    a, b = first.content, second.content
    names = [[one["name"] for one in content["classes"]] for content in (a, b)]
    if names[0] != names[1]:
        raise ValueError(
            f"The reports are of other classes: A has {len(names[0])}, B {len(names[1])}"
            f"{_first_difference(*names)}. Evaluate both on the same data set."
        )
    if first.images != second.images:
        raise ValueError(
            f"The reports are of other images: A has {len(first.images)}, B {len(second.images)}"
            f"{_first_difference(first.images, second.images)}. Evaluate both on the same list."
        )
    changed = np.flatnonzero((first.areas[:, 2] != second.areas[:, 2]).any(1))
    if len(changed):
        raise ValueError(
            f"The labels differ in {len(changed)} images, first in {first.images[changed[0]]}: "
            "their pixels by class are not the same. Evaluate both on the same labels."
        )
    for key, what in (("boundary_ratio", "width of contours"), ("absent_classes", "policy")):
        if a[key] != b[key]:
            raise ValueError(f"The reports differ in the {what}: A has {a[key]}, B {b[key]}.")


def _first_difference(first: Sequence[str], second: Sequence[str]) -> str:
    for index, (a, b) in enumerate(zip(first, second)):
        if a != b:
            return f"; number {index} is {a!r} in A and {b!r} in B"
    return ""


def _scores(sums: np.ndarray) -> np.ndarray:
    totals = np.stack([measures.mean_iou(sums), measures.accuracy(sums)], -1)
    return np.concatenate([totals, measures.class_iou(sums)], -1)


def _contours(sums: np.ndarray) -> np.ndarray:
    return measures.mean_iou(sums)[..., None]


def _differences(
    first: np.ndarray,
    second: np.ndarray,
    score: Any,
    names: Sequence[str],
    resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Return a row for each score of areas [n, 3, C]."""
    values = [score(one.sum(0)) for one in (first, second)]
    both = np.stack([first, second], 1)
    drawn = bootstrap.resample(both, score, resamples, seed)  # [resamples, 2, scores]
    drawn = drawn[:, 1] - drawn[:, 0]
    level = bootstrap.LEVEL
    usual = bootstrap.interval(drawn, level)
    strict = bootstrap.interval(drawn, 1 - (1 - level) / (first.shape[-1] + 3))
    return [
        {
            "name": name,
            "a": number(a),
            "b": number(b),
            "difference": number(b - a),
            "interval": [number(usual.low[index]), number(usual.high[index])],
            "excludes_zero": bool(usual.low[index] > 0 or usual.high[index] < 0),
            "even_of_many": bool(strict.low[index] > 0 or strict.high[index] < 0),
        }
        for index, (name, a, b) in enumerate(zip(names, *values))
    ]


def _warnings(rows: Sequence[dict[str, Any]], images: int) -> list[str]:
    known = sum(row["difference"] is not None for row in rows)
    chance = (1 - bootstrap.LEVEL) * known
    found = [
        f"{known} differences are looked at; if there were none, {chance:.1f} would still "
        "exclude 0 by chance. '**' holds even so (Bonferroni's wider interval); do not pick single "
        "classes by '*' alone.",
        "The intervals say what other images would change. Another seed of the training can change "
        "more, and consecutive frames of a video count here as independent, which they are not.",
    ]
    if images < _FEW:
        found.append(f"{images} images are few: the intervals are too narrow.")
    return found


def _images(names: Sequence[str], first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """Return how many images got better, each image's scores, and those that changed most."""
    known = np.flatnonzero(~np.isnan(first) & ~np.isnan(second))
    gain = second[known] - first[known]
    order = np.argsort(gain, kind="stable")
    points = [[names[index], float(first[index]), float(second[index])] for index in known]
    return {
        "better": int((gain > 0).sum()),
        "worse": int((gain < 0).sum()),
        "points": points,
        "gained": [points[place] for place in order[::-1][:EXTREMES] if gain[place] > 0],
        "lost": [points[place] for place in order[:EXTREMES] if gain[place] < 0],
    }
