"""Signs that a training learns nothing or not what is meant: a warning each, once, with numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import paddle
from paddle.nn.clip import _squared_l2_norm
from paddleseg.utils import logger

from paddle_ann.checkpoint.fields import COUNT, COUNTS, NUMBERS, TEXTS, take
from paddle_ann.engine.black_box import describe_samples
from paddle_ann.engine.callback import Batch, Callback, Run
from paddle_ann.engine.schedule_checks import schedule_faults

LOOKS = 5  # first updates in which a parameter should get a gradient
ZERO_RATES = 10  # updates in a row; a warm-up may begin with one
FIRST_WINDOWS, RISEN_WINDOWS, RISE = 10, 3, 2.0
STUCK_WINDOWS, STUCK = 10, 1e-6  # relative
DEAD_AFTER = 3  # evaluations in a row
STRIDE = 4  # between the pixels whose class is counted

_STATE = {
    **dict.fromkeys(("batches", "empty", "zero_rates", "looks"), COUNT),
    **dict.fromkeys(("missing", "zero", "told"), TEXTS),
    **dict.fromkeys(("losses", "latest"), NUMBERS),
    **dict.fromkeys(("pixels", "dead"), COUNTS),
}


class Symptoms(Callback):
    """Warns about what does not fail but is wrong; what was said is not said again after a resume.

    Args:
        dataset: the training set, for `ignore_index` and the names of files.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.ignore_index = getattr(dataset, "ignore_index", 255)
        self.told: list[str] = []
        self.batches = self.empty = self.zero_rates = self.looks = 0
        self.missing: list[str] = []  # parameters that had no gradient in any look
        self.zero: list[str] = []  # parameters that had a gradient of zeros in each
        self.losses: list[float] = []  # of the first log lines, then of the last ones
        self.latest: list[float] = []
        self.pixels: dict[str, int] = {}  # of classes in the labels looked at
        self.dead: dict[str, int] = {}  # evaluations in a row that miss it

    # -- hooks ------------------------------------------------------------------------------------

    def on_start(self, run: Run) -> None:
        """Look at the schedule."""
        for text in schedule_faults(run.optimizer._learning_rate, run.iters):
            self._tell(run, "schedule", text)

    def on_batches(self, run: Run) -> None:
        """Look for labels that are ignored everywhere."""
        for batch, samples in zip(run.batches, run.samples):
            self.batches += 1
            if "label" not in batch or bool((batch["label"] != self.ignore_index).any()):
                continue
            self.empty += 1
            files = [
                s["files"][-1:] or [s["index"]] for s in describe_samples(samples, self.dataset)
            ]
            self._tell(
                run,
                "empty",
                f"Batch {self.batches} of the training has no labelled pixel: every pixel of "
                f"{', '.join(str(name) for names in files for name in names)} is ignore_index "
                f"{self.ignore_index}. Nothing is learned from it. Check the masks (tools/"
                "check_data.py); how many batches there were is said at the end.",
            )

    def on_gradients(self, run: Run) -> bool:
        """Look for parameters without gradient, in the first updates."""
        if run.gradient_norm == 0 and not self.empty:
            self._tell(
                run,
                "gradients",
                f"All gradients are zero in iteration {run.iteration}, at a loss of {run.loss:g}: "
                "nothing is learned. Check the loss and its coef.",
            )
        if self.looks < LOOKS and math.isfinite(run.loss) and run.gradient_norm != 0:
            self._look_at_gradients(run)
        return True

    def on_step(self, run: Run) -> None:
        """Look at the learning rate."""
        self.zero_rates = self.zero_rates + 1 if run.learning_rate == 0 else 0
        if self.zero_rates == ZERO_RATES and "schedule" not in self.told:
            self._tell(
                run,
                "zero rate",
                f"The learning rate has been 0 for {ZERO_RATES} iterations, since iteration "
                f"{run.iteration - ZERO_RATES + 1} of {run.iters}: nothing is learned. Check the "
                "schedule, whose steps are updates.",
            )

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Look at the loss, and at which classes the labels hold."""
        for batch in run.batches:
            self._count_pixels(batch)
        loss = record["loss"]
        if len(self.losses) < FIRST_WINDOWS:
            self.losses.append(loss)
            if risen(self.losses):
                self._tell(
                    run,
                    "risen",
                    f"The loss rose from {self.losses[0]:.4g} in the first log line to {loss:.4g} "
                    f"at iteration {run.iteration}, and was more than {RISE:g} times as high in "
                    f"the last {RISEN_WINDOWS} lines; the learning rate is {run.learning_rate:g}. "
                    "It is probably too high: try a tenth.",
                )
        self.latest = [*self.latest, loss][-STUCK_WINDOWS:]
        if stuck(self.latest):
            self._tell(
                run,
                "stuck",
                f"The loss has not moved from {loss:.6g} in {STUCK_WINDOWS} log lines, up to "
                f"iteration {run.iteration}, at a learning rate of {run.learning_rate:g}. Check "
                "the labels, the loss, and what is frozen.",
            )

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Look for classes that are never predicted."""
        new = []
        for number, missed in enumerate(never_predicted(scores)):
            name = str(number)
            wrong = missed and self.pixels.get(name, 0) > 0
            self.dead[name] = self.dead.get(name, 0) + 1 if wrong else 0
            if self.dead[name] == DEAD_AFTER:
                new.append(name)
        if new:
            held = ", ".join(f"class {name} ({self.pixels[name]} pixels)" for name in new)
            self._tell(
                run,
                f"dead {new}",
                f"Never predicted in the last {DEAD_AFTER} evaluations, up to iteration "
                f"{run.iteration}: {held}. The numbers are those of the training "
                "labels that were looked at. Train longer, weight the loss, or check the classes "
                "of the masks.",
            )

    def on_end(self, run: Run) -> None:
        """Sum up the batches that were for nothing."""
        if self.empty and run.is_main:
            logger.warning(f"{self.empty} of {self.batches} batches had no labelled pixel.")

    # -- state ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return counts, and what was said."""
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        found = take(state, _STATE)
        told = {*self.told, *found["told"]}  # also what was said before a training went back
        vars(self).update(copy.deepcopy(found), told=sorted(told))

    def _tell(self, run: Run, what: str, text: str) -> None:
        if what not in self.told:
            self.told.append(what)
            if run.is_main:
                logger.warning(text)

    def _count_pixels(self, batch: Batch) -> None:
        if "label" not in batch:
            return
        labels = batch["label"][..., ::STRIDE, ::STRIDE].numpy().astype("int64").ravel()
        counts = np.bincount(labels[(labels != self.ignore_index) & (labels >= 0)])
        for number in np.flatnonzero(counts).tolist():
            self.pixels[str(number)] = self.pixels.get(str(number), 0) + int(counts[number])

    def _look_at_gradients(self, run: Run) -> None:
        missing, zero = without_gradient(run.model)
        first = self.looks == 0
        self.missing = missing if first else [name for name in self.missing if name in missing]
        self.zero = zero if first else [name for name in self.zero if name in zero]
        self.looks += 1
        if self.looks < LOOKS:
            return
        for names, state in ((self.missing, "no gradient"), (self.zero, "a gradient of zeros")):
            if names:
                more = f" and {len(names) - 10} more" if len(names) > 10 else ""
                self._tell(
                    run,
                    state,
                    f"{len(names)} parameters had {state} in the first {LOOKS} updates: "
                    f"{', '.join(names[:10])}{more}. They are not trained: they have no part in "
                    "the losses. Freeze them if that is meant (TrainOptions.freeze).",
                )


# -- what to look for -----------------------------------------------------------------------------


def never_predicted(scores: dict[str, Any]) -> list[bool]:
    """Tell of each class whether an evaluation's labels hold it and its predictions do not.

    Without the counts of pixels, whether not one of its pixels was predicted rightly.
    """
    matrix = scores.get("confusion")
    if matrix is None:
        return [iou == 0 for iou in scores.get("class_iou", [])]
    return [bool(row.sum() and not column.sum()) for row, column in zip(matrix, matrix.T)]


def risen(losses: Sequence[float]) -> bool:
    """Tell whether the last losses are all much higher than the first one."""
    last = losses[1:][-RISEN_WINDOWS:]
    return len(last) == RISEN_WINDOWS and all(loss > RISE * losses[0] > 0 for loss in last)


def stuck(losses: Sequence[float]) -> bool:
    """Tell whether enough losses in a row are the same number."""
    spread = max(losses) - min(losses)
    return len(losses) == STUCK_WINDOWS and spread <= STUCK * abs(losses[-1])


def without_gradient(model: paddle.nn.Layer) -> tuple[list[str], list[str]]:
    """Return the names of trainable parameters with no gradient, and with one of zeros."""
    trained = [(n, p) for n, p in model.named_parameters() if not p.stop_gradient]
    missing = [name for name, parameter in trained if parameter.grad is None]
    present = [(name, p.grad) for name, p in trained if p.grad is not None]
    return missing, [name for name, grad in present if _squared_l2_norm(grad).item() == 0]
