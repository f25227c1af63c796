"""PaddleSeg's metrics: `calculate_area`, and scores with classes that occur nowhere."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import paddle

from paddle_ann.compat.fix import Fix, Patches, module
from paddle_ann.metrics import class_measurement, confusion_matrix, dice, mean_iou

# -- the confusion count (A4, C9) -----------------------------------------------------------------


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
