"""The loss over the validation set, counted while it is evaluated."""

from __future__ import annotations

import sys
from typing import Any

import paddle
from paddleseg.utils import logger

from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.evaluation import Seen
from paddle_ann.engine.processes import connect


class ValidationLoss(Callback):
    """Puts 'loss' into the scores of each evaluation: the training's loss of the main output.

    It is computed image by image at the size of its label, and averaged with the numbers of
    labelled pixels as weights: for a cross-entropy that is the mean over all labelled pixels,
    whatever the batches. A loss that cannot be computed from logits and labels alone (it needs
    edges, or the network computes its own) is warned about once, and left out.

    Args:
        model: the network.
        losses: PaddleSeg's loss configuration; the first loss and coefficient count.
        ignore_index: label of pixels that do not count.
    """

    def __init__(self, model: paddle.nn.Layer, losses: dict[str, Any], ignore_index: int) -> None:
        self.first = {name: list(losses[name])[:1] for name in ("types", "coef")}
        self.ignore_index = ignore_index
        self._problem = ""
        if hasattr(model, "loss_computation"):
            self._problem = f"{type(model).__name__} computes its losses itself"
        self._told = False
        self._clear()

    def _clear(self) -> None:
        self._total, self._pixels = 0.0, 0

    def on_start(self, run: Run) -> None:
        """Begin with nothing."""
        self._clear()

    def on_predictions(self, run: Run, seen: Seen) -> None:
        """Add the loss of each image."""
        if self._problem:
            return
        compute = sys.modules["paddleseg.core.train"].loss_computation
        for i in range(len(seen.indices)):
            labels = seen.labels[i : i + 1].astype("int64").reshape([1, *seen.labels.shape[-2:]])
            pixels = int((labels != self.ignore_index).sum())
            if not pixels:
                continue
            try:
                parts = compute(
                    [seen.logits[i : i + 1].astype("float32")], labels, None, self.first
                )
                self._total += pixels * float(sum(float(part) for part in parts))
            except Exception as error:  # any loss may be configured, and none was made for this
                self._problem = f"{type(error).__name__}: {error}"
                return
            self._pixels += pixels

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Put the mean over all processes into the scores."""
        parts = connect().gather([self._total, self._pixels, self._problem])
        self._clear()
        problems = [problem for *_, problem in parts if problem]
        pixels = sum(count for _, count, _ in parts)
        if problems:
            if not self._told:
                logger.warning(f"There will be no validation loss: {problems[0]}.")
            self._told, self._problem = True, problems[0]
        elif pixels:
            scores["loss"] = sum(total for total, *_ in parts) / pixels
