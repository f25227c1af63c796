"""The numbers that a training tells, by name: one source for VisualDL and for `metrics.jsonl`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
import psutil

from paddle_ann.engine.callback import Run

GIB = 2**30
SCORES = ("mIoU", "accuracy", "kappa", "loss", "ema_mIoU", "ema_accuracy")


def of_log(run: Run, record: dict[str, float]) -> dict[str, float]:
    """Return the averages of a log line, the gradients' norm and the memory; finite ones alone.

    Args:
        run: the training.
        record: the averages, by PaddleSeg's names.
    """
    found = {**record, "gradient_norm": run.gradient_norm, **memory()}
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def memory() -> dict[str, float]:
    """Return the resident memory of this process, and the most that was used of the GPU, in GiB."""
    found = {"process_GiB": psutil.Process().memory_info().rss / GIB}
    if paddle.is_compiled_with_cuda() and paddle.get_device().startswith("gpu"):
        found["gpu_GiB"] = paddle.device.cuda.max_memory_allocated() / GIB
    return found


def of_evaluation(scores: dict[str, Any]) -> dict[str, float]:
    """Return the totals of an evaluation that are finite: of `SCORES`, those that there are."""
    found = {name: scores.get(name) for name in SCORES}
    return {
        n: float(value) for n, value in found.items() if value is not None and math.isfinite(value)
    }


def by_class(scores: dict[str, Any], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return 'class_iou', 'class_accuracy' and 'class_precision', each by the names of the classes.

    The accuracy of a class is the share of its labelled pixels that are found. Classes that occur
    neither in the labels nor in the predictions are left out.

    Args:
        scores: of an evaluation; see `Callback.on_eval`.
        names: of the classes, unique.
    """
    values = {
        "class_iou": scores.get("class_iou"),
        "class_accuracy": class_accuracy(scores.get("confusion")),
        "class_precision": scores.get("class_precision"),
    }
    return {
        measure: {n: float(x) for n, x in zip(names, found) if math.isfinite(x)}
        for measure, found in values.items()
        if found is not None
    }


def class_accuracy(confusion: Any) -> Any:
    """Return the share of each class's pixels that were found, [C]; nan for a class without any."""
    if confusion is None:
        return None
    labelled = np.asarray(confusion).sum(1).astype(float)
    labelled[labelled == 0] = math.nan
    return np.diagonal(confusion) / labelled
