"""Scores made of counts; every function takes any number of axes in front, so resamples too."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paddle_ann.metrics import class_scores

SHOWN_PAIRS = 20


class Pair(NamedTuple):
    """Pixels of one class that were taken for another.

    Attributes:
        label: the class they have.
        prediction: the class they were given.
        pixels: how many.
        share: of the label's pixels.
        errors: share of all wrong pixels.
    """

    label: int
    prediction: int
    pixels: int
    share: float
    errors: float


def areas(matrices: np.ndarray) -> np.ndarray:
    """Return pixels by class in both, in the prediction and in the label.

    Args:
        matrices: pixels by label (rows) and prediction, [..., C, C].

    Returns:
        [..., 3, C].
    """
    both = np.diagonal(matrices, axis1=-2, axis2=-1)
    return np.stack([both, matrices.sum(-2), matrices.sum(-1)], -2)


def class_iou(parts: np.ndarray) -> np.ndarray:
    """Return the IoU of every class, [..., C], of areas [..., 3, C]; see `metrics.class_scores`."""
    return class_scores("iou", *np.moveaxis(parts, -2, 0))


def mean(values: np.ndarray) -> np.ndarray:
    """Return means over the last axis without nan; nan where there is nothing else."""
    known = ~np.isnan(values)
    count = known.sum(-1)
    return np.where(count > 0, np.where(known, values, 0).sum(-1) / np.maximum(count, 1), np.nan)


def mean_iou(parts: np.ndarray) -> np.ndarray:
    """Return mIoU [...] of areas [..., 3, C], under the policy for absent classes."""
    return mean(class_iou(parts))


def accuracy(parts: np.ndarray) -> np.ndarray:
    """Return the share of right pixels [...] of areas [..., 3, C]; nan if there is no pixel."""
    right, all_pixels = parts[..., 0, :].sum(-1), parts[..., 2, :].sum(-1)
    return np.where(all_pixels > 0, right / np.maximum(all_pixels, 1), np.nan)


def image_iou(parts: np.ndarray) -> np.ndarray:
    """Return the mean IoU of one image: over the classes that its label has.

    So a single stray pixel of another class costs a pixel, not the IoU of a class. (Data sets'
    mIoU has the classes of labels and predictions.) As in Wang et al., Revisiting Evaluation
    Metrics for Semantic Segmentation (NeurIPS 2023), which scores images one by one.

    Args:
        parts: areas [..., 3, C].

    Returns:
        [...]; nan for an image without labelled pixels.
    """
    return mean(np.where(parts[..., 2, :] > 0, class_iou(parts), np.nan))


def confused(matrix: np.ndarray, most: int = SHOWN_PAIRS) -> list[Pair]:
    """Return the pairs of classes that are confused most, by pixels.

    Args:
        matrix: pixels by label (rows) and prediction, [C, C].
        most: how many at most.
    """
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(order, wrong.shape)
    of_label, errors = matrix.sum(1), wrong.sum()
    return [
        Pair(
            int(r),
            int(c),
            int(wrong[r, c]),
            float(wrong[r, c] / of_label[r]),
            float(wrong[r, c] / errors),
        )
        for r, c in zip(rows, columns)
        if wrong[r, c] > 0
    ]
