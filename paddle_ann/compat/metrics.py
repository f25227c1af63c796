"""Metrics: the confusion count, and what a class that occurs nowhere is worth."""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np
import paddle

from paddle_ann.compat.fix import Fix, Patches, module

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


# -- the confusion count (A4, C9) -----------------------------------------------------------------


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


@functools.cache
def _calculate_area(original: Any) -> Any:
    def calculate_area(
        pred: Any,
        label: Any,
        num_classes: int,
        ignore_index: int = 255,
        **kwargs: Any,
    ) -> tuple[Any, Any, Any]:
        """Return the areas of intersection, prediction and label, int64 [num_classes]."""
        if kwargs.get("use_multilabel"):
            return original(pred, label, num_classes, ignore_index, **kwargs)
        pred, label = (x.squeeze(1) if x.ndim == 4 else x for x in (pred, label))
        if pred.shape != label.shape:
            raise ValueError(
                f"Shape of `pred` and `label` should be equal, but they are {pred.shape} and "
                f"{label.shape}."
            )
        matrix = confusion_matrix(pred, label, num_classes, ignore_index)
        return paddle.diag(matrix), matrix.sum(0), matrix.sum(1)

    return calculate_area


def _area_bites() -> bool:
    """True if the areas cannot be counted, or a label that is no class is dropped."""
    calculate_area = module("paddleseg.utils.metrics").calculate_area
    pred, label = paddle.zeros([1, 1, 2], "int64"), paddle.to_tensor([[[0, 7]]])
    try:
        calculate_area(pred, label, 2)
    except ValueError as error:
        return "0 to 1" not in str(error)
    except Exception:
        return True
    return True


def _patch_area(patches: Patches) -> None:
    original = module("paddleseg.utils.metrics").calculate_area
    patches.everywhere(original, _calculate_area(original))


# -- classes absent from prediction and label (C19, C20) ------------------------------------------


def _ratio(part: np.ndarray, whole: np.ndarray, absent: np.ndarray, value: float) -> np.ndarray:
    """Divide by class: 0 where whole is 0, `value` where the class is absent."""
    ratio = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return np.where(absent, value, ratio)


def _areas(*areas: Any) -> list[np.ndarray]:
    intersect, pred, label = (np.asarray(area.numpy()) for area in areas)
    if label.sum() == 0:
        raise ValueError(
            "There is nothing to evaluate: the data set is empty or every pixel of its labels is "
            "ignore_index. Check the list file of the validation set and the values in its masks."
        )
    return [intersect, pred, label, (pred == 0) & (label == 0)]


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
    intersect, pred, label, absent = _areas(intersect_area, pred_area, label_area)
    _last_counted = int((~absent).sum()), len(absent)
    iou = _ratio(intersect, pred + label - intersect, absent, _absent_value("iou"))
    return iou, float(np.nanmean(iou))


def dice(intersect_area: Any, pred_area: Any, label_area: Any) -> tuple[np.ndarray, float]:
    """Return the Dice of every class, and its mean under the policy for absent classes."""
    intersect, pred, label, absent = _areas(intersect_area, pred_area, label_area)
    coefficient = _ratio(2 * intersect, pred + label, absent, _absent_value("dice"))
    return coefficient, float(np.nanmean(coefficient))


def class_measurement(
    intersect_area: Any, pred_area: Any, label_area: Any
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the pixel accuracy, and precision and recall of every class."""
    intersect, pred, label, absent = _areas(intersect_area, pred_area, label_area)
    value = _absent_value("precision")
    accuracy = float(intersect.sum() / pred.sum())
    return accuracy, _ratio(intersect, pred, absent, value), _ratio(intersect, label, absent, value)


def _absent_bites() -> bool:
    """True if a perfect prediction of one class out of two has not mIoU 1."""
    one_of_two = paddle.to_tensor([4, 0])
    class_iou, mean = module("paddleseg.utils.metrics").mean_iou(*[one_of_two] * 3)
    return not (mean == 1.0 and np.isnan(class_iou[1]))


def _patch_absent(patches: Patches) -> None:
    metrics = module("paddleseg.utils.metrics")
    for function in (mean_iou, dice, class_measurement):
        patches.everywhere(getattr(metrics, function.__name__), function)


FIXES = (
    Fix(
        "confusion-count",
        "`ValueError: Expected axis >= -rank && axis < rank` in evaluate; labels >= num_classes "
        "are dropped from the ground truth without a word and deflate the mIoU",
        "calculate_area concatenates 0-D sums, one class at a time, and compares with known "
        "classes only (A4, C9)",
        "paddleseg 2.8.0 with Paddle >= 2.5; the dropped labels and the slow loop also in 2.10",
        _area_bites,
        _patch_area,
    ),
    Fix(
        "absent-classes",
        "classes that occur in neither prediction nor label pull the mIoU down (2.8.0) or up "
        "(2.10); an empty validation set gives mIoU 0 and accuracy nan",
        "metrics.mean_iou counts an empty union as IoU 0 (2.8.0) or 1 (2.10) (C19, C20)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _absent_bites,
        _patch_absent,
    ),
)
