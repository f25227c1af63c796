"""Precision over recall of each class, over all labelled pixels of the validation set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F

from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.evaluation import Seen
from paddle_ann.engine.processes import connect
from paddle_ann.monitor import records
from paddle_ann.monitor.vdl import VisualDLLog

THRESHOLDS = 127  # the most that VisualDL draws


class PrCurves(Callback):
    """Counts pixels by class, probability and truth; adds a curve for each class that occurs.

    Args:
        log: where the curves go.
        classes: unique names of the classes.
        ignore_index: label of pixels that do not count.
    """

    def __init__(self, log: VisualDLLog, classes: Sequence[str], ignore_index: int) -> None:
        self.log, self.classes, self.ignore_index = log, classes, ignore_index
        self._counts: paddle.Tensor | None = None

    def on_start(self, run: Run) -> None:
        """Begin with nothing."""
        self._counts = None

    def on_predictions(self, run: Run, seen: Seen) -> None:
        """Count the pixels of a batch."""
        probabilities = F.softmax(seen.logits.astype("float32"), axis=1)
        found = binned(probabilities, seen.labels, self.ignore_index)
        self._counts = found if self._counts is None else self._counts + found

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Add the curves."""
        counts, self._counts = self._counts, None
        if counts is None:
            counts = paddle.zeros([len(self.classes), 2, THRESHOLDS], "int64")
        total = connect().add_up(counts).numpy()
        if not run.is_main:
            return
        # Pixels whose probability is at least each threshold.
        above = total[:, :, ::-1].cumsum(2)[:, :, ::-1]
        for name, (false, true) in zip(self.classes, above):
            if true[0]:
                tag = f"PR/{records.part(name)}"
                self.log.add_large(records.pr_curve(tag, true, false, run.iteration))
        self.log.journal.flush()


def binned(probabilities: paddle.Tensor, labels: paddle.Tensor, ignore_index: int) -> paddle.Tensor:
    """Count labelled pixels by class, by whether they are of it, and by its probability.

    Args:
        probabilities: [N, C, h, w].
        labels: integers [N, 1, h, w] or [N, h, w].
        ignore_index: label of pixels that do not count.

    Returns:
        int64 [C, 2, THRESHOLDS]: pixels of other classes, pixels of the class.
    """
    classes = probabilities.shape[1]
    flat = labels.reshape([-1]).astype("int64")
    chosen = probabilities.transpose([0, 2, 3, 1]).reshape([-1, classes])
    valid = (flat != ignore_index).nonzero().flatten()
    flat, chosen = flat.index_select(valid), chosen.index_select(valid)
    bins = (chosen * (THRESHOLDS - 1)).floor().astype("int64").clip(0, THRESHOLDS - 1)
    of_class = F.one_hot(flat, classes).astype("int64")
    places = (paddle.arange(classes) * 2 + of_class) * THRESHOLDS + bins
    counts = paddle.bincount(places.flatten(), minlength=2 * classes * THRESHOLDS)
    return counts.reshape([classes, 2, THRESHOLDS]).astype("int64")


def average_precision(true: np.ndarray, false: np.ndarray) -> float:
    """Return the area below a curve by steps, in [0, 1]; counts as in `records.pr_curve`."""
    precision = true / np.maximum(true + false, 1)
    recall = true / max(int(true[0]), 1)
    return float((precision * -np.diff(np.append(recall, 0.0))).sum())
