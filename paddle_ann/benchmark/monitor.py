"""What telling about a training costs: curves, histograms, and the pictures of an evaluation.

The difference of two steps is smaller than a machine's moods, so what is spent inside the callbacks
is timed, each kind by itself, and put together by the intervals at which they are due.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import paddle

from paddle_ann.benchmark.environment import quietly
from paddle_ann.benchmark.guard import CLASSES, make
from paddle_ann.benchmark.timing import Spread, spread
from paddle_ann.engine import Run, TrainOptions, evaluate
from paddle_ann.engine.callback import Callbacks
from paddle_ann.engine.evaluation import Seen
from paddle_ann.engine.fingerprint import fingerprint
from paddle_ann.engine.gradient_norm import GradientNorm
from paddle_ann.engine.step import Step
from paddle_ann.monitor.callbacks import callbacks
from paddle_ann.monitor.histograms import Histograms

LOG_ITERS, EVALUATION_ITERS = 10, 1000  # defaults of tools/train.py
IMAGES = 20  # of the validation set that is evaluated


class Costs(NamedTuple):
    """Seconds of each kind, and how often it is due.

    Attributes:
        update: an update by itself.
        every: what comes with every update.
        log: a log line in VisualDL and in metrics.jsonl.
        histograms: those of weights and gradients, once.
        evaluation: what an evaluation of `IMAGES` images adds: loss, pictures, confusion matrix.
        evaluated: such an evaluation by itself.
        size: bytes that VisualDL's log grows by in such an evaluation.
    """

    update: Spread
    every: Spread
    log: Spread
    histograms: Spread
    evaluation: Spread
    evaluated: Spread
    size: int

    @property
    def shares(self) -> dict[str, float]:
        """Of an update, in [0, 1], at the default intervals."""
        parts = {
            "every update": self.every.median,
            f"log line / {LOG_ITERS}": self.log.median / LOG_ITERS,
            f"histograms / {TrainOptions().vdl_histograms}": self.histograms.median
            / TrainOptions().vdl_histograms,
            f"evaluation / {EVALUATION_ITERS}": self.evaluation.median / EVALUATION_ITERS,
        }
        return {name: seconds / self.update.median for name, seconds in parts.items()}

    @property
    def share(self) -> float:
        """All of them together."""
        return sum(self.shares.values())

    def __str__(self) -> str:
        lines = [
            f"{name:<12} {1000 * one.median:9.2f} ms"
            for name, one in zip(self._fields, self)
            if isinstance(one, Spread)
        ]
        lines += [
            f"{name:<20} {100 * share:6.3f} % of an update" for name, share in self.shares.items()
        ]
        return "\n".join([*lines, f"{'together':<20} {100 * self.share:6.3f} %"])


class Images(paddle.io.Dataset):
    """Random validation images and labels.

    Args:
        size: height and width.
    """

    num_classes, ignore_index = CLASSES, 255

    def __init__(self, size: int) -> None:
        rng = np.random.default_rng(0)
        self.images = rng.normal(size=(IMAGES, 3, size, size)).astype("float32")
        self.labels = rng.integers(0, CLASSES, (IMAGES, 1, size, size))

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"img": self.images[index], "label": self.labels[index], "trans_info": []}


class Clock:
    """Adds up the time that is spent in some calls."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def call(self, function: Callable[..., Any], *arguments: Any, more: bool = False) -> Any:
        """Call a function; `more` adds its time to that of the call before."""
        start = time.perf_counter()
        result = function(*arguments)
        spent = time.perf_counter() - start
        if more:
            self.seconds[-1] += spent
        else:
            self.seconds.append(spent)
        return result


def measure(updates: int, size: int, batch_size: int) -> Costs:
    """Make updates and a few evaluations, and time what the callbacks do.

    Args:
        updates: after three to warm up.
        size: height and width of the images.
        batch_size: images of an update.
    """
    step, run = make(size, batch_size)
    dataset = Images(size)
    with TemporaryDirectory() as folder:
        run.save_dir = Path(folder)
        made_of = fingerprint(run.model, run.optimizer, step.losses, dataset)
        members = callbacks(True, TrainOptions(), step, dataset, {"iters": 1}, made_of)
        told = Callbacks(members)
        with quietly():
            told.on_start(run)
            return _measure(told, step, run, dataset, updates)


def _measure(told: Callbacks, step: Step, run: Run, dataset: Images, updates: int) -> Costs:
    plain, every, log, due = Clock(), Clock(), Clock(), Clock()
    (histograms,) = (one for one in told.members if isinstance(one, Histograms))
    record = {"loss": 1.0, "loss_0": 0.8, "loss_1": 0.2, "lr": 0.1, "batch_cost": 1.0, "ips": 4.0}
    norm = GradientNorm([p for p in run.model.parameters() if not p.stop_gradient])
    for number in range(updates + 3):
        histograms.interval = 10**9
        every.call(told.on_batches, run)
        run.losses = plain.call(step.gradients, run.batches)
        run.iteration = number + 1
        run.gradient_norm = norm.value()
        every.call(told.on_gradients, run, more=True)
        histograms.interval = 1
        if number % 4 == 3:
            due.call(histograms.on_gradients, run)
        plain.call(step.update, more=True)
        if number % 4 == 3:
            due.call(histograms.on_step, run, more=True)
        histograms.interval = 10**9
        every.call(told.on_step, run, more=True)
        step.finish(run.losses[0])
        log.call(told.on_log, run, record)
    before = _logged(run.save_dir)
    extra, whole = Clock(), Clock()
    for _ in range(3):
        extra.seconds.append(0.0)

        def watch(seen: Seen) -> None:
            extra.call(told.on_predictions, run, seen, more=True)

        scores = whole.call(lambda watch=watch: evaluate(run.model, dataset, watch=watch))
        whole.seconds[-1] -= extra.seconds[-1]
        extra.call(told.on_eval, run, named(scores), more=True)
    grown = (_logged(run.save_dir) - before) // 3
    return Costs(
        spread(plain.seconds[3:]),
        spread(every.seconds[3:]),
        spread(log.seconds[3:]),
        spread(due.seconds),
        spread(extra.seconds),
        spread(whole.seconds),
        grown,
    )


def named(scores: Any) -> dict[str, Any]:
    """Return scores as callbacks get them."""
    miou, accuracy, class_iou, class_precision, kappa = scores
    found = {"mIoU": miou, "accuracy": accuracy, "kappa": kappa, "class_iou": class_iou}
    return {**found, "class_precision": class_precision, "confusion": scores.confusion}


def _logged(folder: Path) -> int:
    with contextlib.suppress(ValueError):
        (path,) = folder.glob("vdlrecords.*.log")
        return path.stat().st_size
    return 0
