"""The content of a report: plain numbers and texts, as they stand in `report.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paddle_ann.metrics import absent_policy, class_scores
from paddle_ann.report import bootstrap, measures
from paddle_ann.report.recorder import Found
from paddle_ann.scores import scores

FORMAT = "paddle_ann report 1"
RESAMPLES = 2000
QUANTILES = (0, 5, 25, 50, 75, 95, 100)
BARS = 20


def number(value: Any) -> float | None:
    """Return a float; None, which JSON knows, for nan."""
    value = float(value)
    return value if math.isfinite(value) else None


def build(
    result: Any,
    found: Found,
    names: Sequence[str],
    images: Sequence[str],
    palette: np.ndarray,
    source: Mapping[str, Any],
    ratio: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the content of a report.

    Args:
        result: what `engine.evaluate` returned; its numbers are taken, not computed again.
        found: what the recorder of that evaluation has.
        names: of the C classes.
        images: names of the n images.
        palette: colours, uint8 [C, 3].
        source: what was evaluated and how; anything that JSON knows.
        ratio: that of the boundary IoU.
        resamples: of the images, for the intervals.
        seed: of the resamples.
    """
    count = len(names)
    parts = np.stack([matrix.areas(count) for matrix in found.matrices])
    near = np.stack([contour.dense(3, count) for contour in found.contours])
    many = len(images) > 1  # one image tells nothing about others
    intervals = _intervals(parts, near, resamples, seed) if many else None
    spread = measures.image_iou(parts)
    contours = measures.class_iou(near.sum(0))
    return {
        "format": FORMAT,
        **scores(result, names, len(images)),
        "dice": number(measures.mean(class_scores("dice", *measures.areas(result.confusion)))),
        "boundary_iou": number(measures.mean(contours)),
        "boundary_ratio": ratio,
        "absent_classes": absent_policy(),
        "source": dict(source),
        "bootstrap": {
            "resamples": resamples if many else 0,
            "seed": seed,
            "level": bootstrap.LEVEL,
        },
        "intervals": _totals(intervals, count),
        "classes": _classes(result.confusion, parts, contours, names, palette, intervals),
        "confusion": result.confusion.tolist(),
        "confused": [_pair(p, names) for p in measures.confused(result.confusion)],
        "calibration": found.reliability.summary(),
        "images": _spread(spread),
        "worst": [
            _image(images[w.image], parts[w.image], found.matrices[w.image], names)
            for w in found.worst
        ],
    }


def _scored(sums: np.ndarray) -> np.ndarray:
    """Return IoU by class, mIoU and accuracy of areas: [..., 3, C] to [..., C + 2]."""
    totals = [measures.mean_iou(sums), measures.accuracy(sums)]
    return np.concatenate([measures.class_iou(sums), np.stack(totals, -1)], -1)


def _contours(sums: np.ndarray) -> np.ndarray:
    """Return boundary IoU by class, and its mean: [..., 3, C] to [..., C + 1]."""
    return np.concatenate([measures.class_iou(sums), measures.mean_iou(sums)[..., None]], -1)


def _intervals(parts: np.ndarray, near: np.ndarray, resamples: int, seed: int) -> list[Any]:
    """Return the ends of the intervals of `_scored`, then of `_contours`, each as [low, high]."""
    found = []
    for counts, score in ((parts, _scored), (near, _contours)):
        low, high = bootstrap.interval(bootstrap.resample(counts, score, resamples, seed))
        found += [[number(a), number(b)] for a, b in zip(low, high)]
    return found


def _totals(intervals: list[Any] | None, count: int) -> dict[str, Any]:
    if intervals is None:
        return dict.fromkeys(("mIoU", "accuracy", "boundary_iou"))
    return {
        "mIoU": intervals[count],
        "accuracy": intervals[count + 1],
        "boundary_iou": intervals[-1],
    }


def _classes(
    matrix: np.ndarray,
    parts: np.ndarray,
    contours: np.ndarray,
    names: Sequence[str],
    palette: np.ndarray,
    intervals: list[Any] | None,
) -> list[dict[str, Any]]:
    total, count = measures.areas(matrix), len(names)
    by_measure = {m: class_scores(m, *total) for m in ("iou", "recall", "precision", "dice")}
    colors = np.vstack([palette, np.full((max(0, count - len(palette)), 3), 128)]).astype(int)
    return [
        {
            "name": name,
            "color": "#{:02x}{:02x}{:02x}".format(*colors[index]),
            **{measure: number(values[index]) for measure, values in by_measure.items()},
            "boundary_iou": number(contours[index]),
            "iou_interval": intervals and intervals[index],
            "boundary_interval": intervals and intervals[count + 2 + index],
            "label_pixels": int(total[2, index]),
            "predicted_pixels": int(total[1, index]),
            "images": int((parts[:, 2, index] > 0).sum()),
        }
        for index, name in enumerate(names)
    ]


def _pair(pair: measures.Pair, names: Sequence[str]) -> dict[str, Any]:
    return {**pair._asdict(), "label": names[pair.label], "prediction": names[pair.prediction]}


def _image(name: str, parts: np.ndarray, matrix: Any, names: Sequence[str]) -> dict[str, Any]:
    pairs = measures.confused(matrix.dense(len(names), len(names)), 1)
    return {
        "image": name,
        "miou": number(measures.image_iou(parts)),
        "accuracy": number(measures.accuracy(parts)),
        "confused": _pair(pairs[0], names) if pairs else None,
    }


def _spread(spread: np.ndarray) -> dict[str, Any]:
    """Return how the images' mean IoU is spread; those without a labelled pixel have none."""
    known = spread[~np.isnan(spread)]
    bars, _ = np.histogram(known, BARS, (0, 1))
    return {
        "scored": len(known),
        "without_labels": len(spread) - len(known),
        "mean": float(known.mean()),
        "deviation": float(known.std()),
        "quantiles": {str(q): float(np.percentile(known, q)) for q in QUANTILES},
        "histogram": bars.tolist(),
    }
