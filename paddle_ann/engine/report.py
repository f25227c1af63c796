"""What an evaluation shows: the progress, the scores."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import paddle
from paddleseg.utils import TimeAverager, logger, metrics, progbar

from paddle_ann.metrics import absent_policy


class Scores(tuple[float, float, np.ndarray, np.ndarray, float]):
    """PaddleSeg's five results of an evaluation, and the counts that they were computed from.

    Attributes:
        confusion: pixels by label (rows) and prediction, int64 [C, C].
    """

    confusion: np.ndarray

    def __new__(cls, results: Sequence[Any], confusion: np.ndarray) -> Scores:
        """Make the tuple (mIoU, accuracy, IoU per class, precision per class, kappa)."""
        scores = super().__new__(cls, results)
        scores.confusion = confusion
        return scores


class Bar:
    """PaddleSeg's progress bar, with the time of an image and of reading it.

    Args:
        total: images of this process.
    """

    def __init__(self, total: int) -> None:
        self._bar = progbar.Progbar(target=total, verbose=1)
        self._done, self._reading = 0, TimeAverager()
        self._start = time.monotonic()

    def reading(self, samples: Iterator[Any]) -> Iterator[Any]:
        """Pass samples on and take the time of reading them."""
        while True:
            start = time.monotonic()
            sample = next(samples, None)
            if sample is None:
                return
            self._reading.record(time.monotonic() - start)
            yield sample

    def add(self, count: int) -> None:
        """Show that `count` more images are done."""
        self._done += count
        cost = (time.monotonic() - self._start) / count
        read = self._reading.get_average()
        self._bar.update(self._done, [("batch_cost", cost), ("reader cost", read)])
        self._reading.reset()
        self._start = time.monotonic()


def report(matrix: np.ndarray, area: float | None, images: int, print_detail: bool) -> Scores:
    """Compute the scores by PaddleSeg's functions, as they are in force, and log them.

    Args:
        matrix: pixels by label (rows) and prediction, int64 [C, C].
        area: under the ROC curve, if asked for.
        images: of all processes.
        print_detail: log the scores.
    """
    areas = [paddle.to_tensor(part) for part in (matrix.diagonal(), matrix.sum(0), matrix.sum(1))]
    class_iou, miou = metrics.mean_iou(*areas)
    accuracy, class_precision, class_recall = metrics.class_measurement(*areas)
    kappa = metrics.kappa(*areas)
    _, mean_dice = metrics.dice(*areas)
    if print_detail:
        line = (
            f"[EVAL] #Images: {images} mIoU: {miou:.4f} Acc: {accuracy:.4f} Kappa: {kappa:.4f} "
            f"Dice: {mean_dice:.4f}"
        )
        logger.info(line if area is None else f"{line} Auc_roc: {area:.4f}")
        for name, values in (
            ("IoU", class_iou),
            ("Precision", class_precision),
            ("Recall", class_recall),
        ):
            logger.info(f"[EVAL] Class {name}: \n{np.round(values, 4)}")
        present = int(((matrix.sum(0) + matrix.sum(1)) > 0).sum())
        logger.info(present_line(present, len(matrix)))
    return Scores((miou, accuracy, class_iou, class_precision, kappa), matrix)


def present_line(present: int, classes: int) -> str:
    """Say how many classes the mean IoU is a mean of."""
    policy = absent_policy()
    return f"[EVAL] classes present {present}/{classes} (policy {policy!r} for the others)"
