"""The confusion count and the scores made of it, and what a class that occurs nowhere is worth."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import paddle

POLICIES = ("present", "zero", "one")
_chosen: str | None = None
_last_counted: tuple[int, int] | None = None


def set_absent_policy(policy: str | None) -> None:
    """Choose how classes absent from both prediction and label enter the metrics.

    With 'present' they are nan in the class lists and left out of the means, so that a perfect
    prediction has mIoU 1.0. With 'zero' they count 0: PaddleSeg 2.8.0's numbers. With 'one' their
    IoU counts 1, and their Dice, precision and recall 0: PaddleSeg 2.10's numbers.

    Args:
        policy: One of these; None for what the environment variable PADDLE_ANN_ABSENT says, else
            'present'.

    Raises:
        ValueError: If the policy has another name.
    """
    global _chosen
    _chosen = None if policy is None else _valid(policy, "policy")


def absent_policy() -> str:
    """Return the policy in force: 'present', 'zero' or 'one'."""
    return _chosen or _valid(os.environ.get("PADDLE_ANN_ABSENT") or "present", "PADDLE_ANN_ABSENT")


def last_classes_present() -> tuple[int, int] | None:
    """Return (classes present, classes) of the latest `mean_iou`, or None before the first."""
    return _last_counted


def _valid(policy: str, what: str) -> str:
    if policy not in POLICIES:
        raise ValueError(f"{what} must be one of {', '.join(POLICIES)}, received {policy!r}.")
    return policy


# -- the confusion count --------------------------------------------------------------------------


def confusion_matrix(pred: Any, label: Any, num_classes: int, ignore_index: int) -> paddle.Tensor:
    """Count the pixels of every (label, prediction) pair in one pass.

    Args:
        pred: Integer tensor of any shape, 0 <= value < num_classes where the label is not ignored.
        label: Integer tensor of the same shape, 0 <= value < num_classes or ignore_index.
        num_classes: Number of classes C.
        ignore_index: Label of pixels that do not count.

    Returns:
        int64 tensor [C, C], rows by label, columns by prediction.

    Raises:
        ValueError: If a label or a prediction is out of range.
    """
    valid = label != ignore_index
    if label.dtype == paddle.uint8:  # Paddle 2.6 has no selection of these
        label = label.astype("int32")
    label = paddle.masked_select(label, valid).astype("int64")
    pred = paddle.masked_select(pred, valid).astype("int64")
    if label.size == 0:
        return paddle.zeros([num_classes, num_classes], dtype="int64")
    unknown = f"the labels hold {{}}, neither a class nor ignore_index {ignore_index}"
    _in_range(label, num_classes, unknown)
    foreign = "the model predicts class {}: its num_classes is not the data set's"
    _in_range(pred, num_classes, foreign)
    counts = paddle.bincount(label * num_classes + pred, minlength=num_classes**2)
    return counts.reshape([num_classes, num_classes]).astype("int64")


def _in_range(values: paddle.Tensor, num_classes: int, problem: str) -> None:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= num_classes:
        bad = low if low < 0 else high
        raise ValueError(f"Classes are 0 to {num_classes - 1}, but {problem.format(bad)}.")


# -- scores by class ------------------------------------------------------------------------------


def class_scores(
    measure: str, intersect: np.ndarray, pred: np.ndarray, label: np.ndarray
) -> np.ndarray:
    """Return one measure of every class, under the policy for absent classes.

    Args:
        measure: 'iou', 'dice', 'precision' or 'recall'.
        intersect: pixels of a class in label and prediction, [..., C].
        pred: pixels of a class in the prediction, [..., C].
        label: pixels of a class in the label, [..., C].

    Returns:
        float64 [..., C]; 0 for a class that is there, but not in what the measure divides by.
    """
    part, whole = {
        "iou": (intersect, pred + label - intersect),
        "dice": (2 * intersect, pred + label),
        "precision": (intersect, pred),
        "recall": (intersect, label),
    }[measure]
    ratio = np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole > 0)
    return np.where((pred == 0) & (label == 0), _absent_value(measure), ratio)


def _areas(*areas: Any) -> list[np.ndarray]:
    intersect, pred, label = (np.asarray(area.numpy()) for area in areas)
    if label.sum() == 0:
        raise ValueError(
            "There is nothing to evaluate: the data set is empty or every pixel of its labels is "
            "ignore_index. Check the list file of the validation set and the values in its masks."
        )
    return [intersect, pred, label]


def _absent_value(measure: str) -> float:
    policy = absent_policy()
    if policy == "present":
        return float("nan")
    return 1.0 if policy == "one" and measure == "iou" else 0.0


def mean_iou(intersect_area: Any, pred_area: Any, label_area: Any) -> tuple[np.ndarray, float]:
    """Return the IoU of every class, and its mean under the policy for absent classes.

    Raises:
        ValueError: If no labelled pixel was counted.
    """
    global _last_counted
    areas = _areas(intersect_area, pred_area, label_area)
    _, pred, label = areas
    _last_counted = int(((pred > 0) | (label > 0)).sum()), len(label)
    iou = class_scores("iou", *areas)
    return iou, float(np.nanmean(iou))


def dice(intersect_area: Any, pred_area: Any, label_area: Any) -> tuple[np.ndarray, float]:
    """Return the Dice of every class, and its mean under the policy for absent classes."""
    coefficient = class_scores("dice", *_areas(intersect_area, pred_area, label_area))
    return coefficient, float(np.nanmean(coefficient))


def class_measurement(
    intersect_area: Any, pred_area: Any, label_area: Any
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the pixel accuracy, and precision and recall of every class."""
    areas = _areas(intersect_area, pred_area, label_area)
    accuracy = float(areas[0].sum() / areas[1].sum())
    return accuracy, class_scores("precision", *areas), class_scores("recall", *areas)
