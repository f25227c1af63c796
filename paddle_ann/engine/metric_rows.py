"""A row of metrics for each epoch: to `metrics.csv`, to the terminal, to whoever wants it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from paddleseg.utils import calculate_eta, logger

from paddle_ann.checkpoint.fields import COUNT, NUMBER, NUMBERS, take
from paddle_ann.engine import metric_file, spreadsheet
from paddle_ann.engine.callback import Batch, Callback, Run
from paddle_ann.engine.earlier import METRICS, move_aside
from paddle_ann.engine.epochs import Schedule
from paddle_ann.engine.train_accuracy import pixel_counts

SCORES = {"test_accuracy": "accuracy", "mIoU": "mIoU", "kappa": "kappa"}
EMA_SCORES = {"ema_test_accuracy": "ema_accuracy", "ema_mIoU": "ema_mIoU"}

_STATE = {
    **dict.fromkeys(("written", "steps", "correct", "labelled"), COUNT),
    **dict.fromkeys(("loss", "learning_rate", "train_seconds"), NUMBER),
    "losses": NUMBERS,
}


class MetricRows(Callback):
    """Sums up an epoch and writes its row, after its evaluation if there is one.

    The columns: epoch, iteration, loss and each loss (means over the updates since the last row),
    learning_rate (of the last update), train_accuracy, of the evaluation test_accuracy, mIoU,
    kappa and the IoU of each class, train_seconds and eval_seconds.

    `train_accuracy` is the share of labelled pixels that the training's own forward passes got
    right: in training mode (dropout, statistics of the batch), with augmentation, while the
    weights change. It costs one argmax. With several processes, losses and train_accuracy are
    those of process 0's share of the data, as in the log line.

    A resumed training has the rows of one that was not interrupted, but for the seconds: the sums
    are in the checkpoint, and rows beyond it are taken off the file.

    Args:
        schedule: when rows and evaluations are due.
        train_dataset: the training set, for its `ignore_index`.
        val_dataset: the validation set, for the names of its classes; None for none.
        ema: whether there is a moving average, which is evaluated too.
        xlsx: write `metrics.xlsx` too.
        tell: called with each row.
    """

    def __init__(
        self,
        schedule: Schedule,
        train_dataset: Any,
        val_dataset: Any,
        ema: bool,
        xlsx: bool,
        tell: Callable[[Run, dict[str, Any]], None],
    ) -> None:
        self.schedule = schedule
        self.ignore_index = getattr(train_dataset, "ignore_index", 255)
        self.classes = [] if val_dataset is None else class_columns(val_dataset)
        self.scores = {**SCORES, **(EMA_SCORES if ema else {})}
        self.xlsx, self.tell = xlsx, tell
        self.written: int | None = None  # the iteration of the last row
        self.learning_rate = self.train_seconds = 0.0
        self._stale = True  # the file may hold rows that the run has not had
        self._counts: list[tuple[Any, Any]] = []  # of the update that is computed
        self._warned = False
        self.losses: list[float] = []
        self._clear()
        self._mark = self._start = time.monotonic()
        self._first = 0

    def _clear(self) -> None:
        self.steps = self.correct = self.labelled = 0
        self.loss, self.losses = 0.0, [0.0] * len(self.losses)
        self.train_seconds = 0.0

    # -- hooks ------------------------------------------------------------------------------------

    def on_start(self, run: Run) -> None:
        """Mend the file and take off what comes after the checkpoint."""
        self._mark = self._start = time.monotonic()
        self._first = run.iteration
        if self.written is None:
            self.written = run.iteration
        if run.is_main:
            files = [run.save_dir / name for name in METRICS]
            if run.iteration == 0:  # of a training that has left no checkpoint
                self._set_aside(run, [path for path in files if path.exists()], "another training")
            self._mend(run)

    def on_batches(self, run: Run) -> None:
        """Begin to count an update."""
        self._counts.clear()

    def on_outputs(self, run: Run, outputs: Sequence[Any], batch: Batch) -> None:
        """Count the pixels that the main output gets right."""
        found = pixel_counts(outputs, batch.get("label"), self.ignore_index)
        if found is not None:
            self._counts.append(found)
        elif not self._warned:
            self._warned = True
            logger.warning(
                "The first output of the model has not the size of the labels, so the train "
                "accuracy cannot be counted from it: the column stays empty."
            )

    def on_step(self, run: Run) -> None:
        """Add an update that was made; write the row if no evaluation comes before it."""
        self.learning_rate = float(run.learning_rate)
        self.losses = self.losses or [0.0] * len(run.losses)
        if math.isfinite(run.loss):
            self.steps += 1
            self.loss += run.loss
            self.losses = [a + b for a, b in zip(self.losses, run.losses)]
            for correct, labelled in self._counts:
                self.correct += int(correct)
                self.labelled += int(labelled)
        self.train_seconds += self._lap()
        if self.schedule.ends_row(run) and not self.schedule.evaluates(run):
            self._write(run, {}, None)

    def on_save(self, run: Run, folder: Path) -> None:
        """Leave the time of saving out."""
        self._lap()

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Write the row."""
        self._write(run, scores, self._lap())

    # -- the row ----------------------------------------------------------------------------------

    def _lap(self) -> float:
        before, self._mark = self._mark, time.monotonic()
        return self._mark - before

    def _write(self, run: Run, scores: dict[str, Any], seconds: float | None) -> None:
        row = self._row(run, scores, seconds)
        if run.is_main:
            self._mend(run)
            path = run.save_dir / METRICS[0]
            if not metric_file.fits(path, list(row)):
                self._set_aside(run, [path], "other columns")
            metric_file.append(path, row)
            if self.xlsx:
                spreadsheet.write(run.save_dir / METRICS[1], metric_file.read(path))
            logger.info(row_line(run, row, self._eta(run)))
        self.written = run.iteration
        self._clear()
        self.tell(run, row)

    def _row(self, run: Run, scores: dict[str, Any], seconds: float | None) -> dict[str, Any]:
        steps = self.steps or math.nan
        row: dict[str, Any] = {"epoch": run.epoch, "iteration": run.iteration}
        row["loss"] = self.loss / steps
        if len(self.losses) > 1:
            row.update({f"loss_{i}": part / steps for i, part in enumerate(self.losses)})
        row["learning_rate"] = self.learning_rate
        row["train_accuracy"] = self.correct / (self.labelled or math.nan)
        if self.schedule.has_val_dataset:
            row.update({column: scores.get(name) for column, name in self.scores.items()})
            of_class = scores.get("class_iou") or [None] * len(self.classes)
            row.update(zip(self.classes, of_class))
        row["train_seconds"] = round(self.train_seconds, 3)
        if self.schedule.has_val_dataset:
            row["eval_seconds"] = None if seconds is None else round(seconds, 3)
        return {name: value if _is_value(value) else None for name, value in row.items()}

    def _eta(self, run: Run) -> str:
        done = run.iteration - self._first
        if done <= 0:  # resumed for an evaluation, or gone back
            return "unknown"
        return str(calculate_eta(run.iters - run.iteration, (self._mark - self._start) / done))

    # -- the file ---------------------------------------------------------------------------------

    def _mend(self, run: Run) -> None:
        """Take off what the run has not had: after a kill, or after it went back."""
        path = run.save_dir / METRICS[0]
        if self._stale and path.exists():
            try:
                metric_file.cut_back(path, self.written or 0)
            except ValueError as error:
                self._set_aside(run, [path], str(error))
        self._stale = False

    def _set_aside(self, run: Run, paths: list[Path], why: str) -> None:
        if paths:
            names = ", ".join(path.name for path in paths)
            logger.warning(f"{names} moved to {move_aside(run.save_dir, paths)}: {why}.")

    # -- state ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return the sums since the last row, and where that was."""
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned; rows after it are taken off the file."""
        vars(self).update(take(state, _STATE))
        self._stale = True


def row_line(run: Run, row: dict[str, Any], eta: str) -> str:
    """Write the essentials of a row as a log line."""
    parts = [f"[EPOCH] epoch: {row['epoch']}, iter: {row['iteration']}/{run.iters}"]
    for title, name, digits in (
        ("loss", "loss", 4),
        ("lr", "learning_rate", 6),
        ("train acc", "train_accuracy", 4),
        ("test acc", "test_accuracy", 4),
        ("mIoU", "mIoU", 4),
    ):
        if row.get(name) is not None:
            parts.append(f"{title}: {row[name]:.{digits}f}")
    seconds = f"{row['train_seconds']:.1f} s"
    if row.get("eval_seconds") is not None:
        seconds += f" + evaluation {row['eval_seconds']:.1f} s"
    return f"{', '.join([*parts, seconds])} | ETA {eta}"


def class_columns(dataset: Any) -> list[str]:
    """Return a column for the IoU of each class."""
    return [f"IoU {name}" for name in unique_names(dataset)]


def unique_names(dataset: Any) -> list[str]:
    """Return a name for each class of a data set; those that are not unique get their number."""
    from paddle_ann.visualize import class_names

    names = list(class_names(dataset))
    if len(names) != dataset.num_classes:
        names = [f"class {index}" for index in range(dataset.num_classes)]
    return [
        name if names.count(name) == 1 else f"{name} {index}" for index, name in enumerate(names)
    ]


def _is_value(value: Any) -> bool:
    return value is not None and math.isfinite(value)
