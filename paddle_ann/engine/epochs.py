"""Epochs and iterations: how many updates a pass over the data is, and when what is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paddle_ann.engine.callback import Run
from paddle_ann.engine.data import TrainingBatches
from paddle_ann.engine.options import TrainOptions

ITERS, SAVE_INTERVAL = 10000, 1000  # PaddleSeg's defaults


def iters_per_epoch(
    train_dataset: Any, batch_size: int, accumulate: int = 1, world: int = 1
) -> int:
    """Return how many updates an epoch is, at least 1.

    The last batch of an epoch is left out if it is not full. Batches of an epoch that are too few
    for another update belong to the first one of the next epoch.

    Args:
        train_dataset: the training set.
        batch_size: samples of one process and batch, at least 1.
        accumulate: batches of one update, at least 1.
        world: processes that share the data.
    """
    batches = TrainingBatches(train_dataset, batch_size, 0, 0, world).per_epoch
    return max(batches // accumulate, 1)


class Length(NamedTuple):
    """How long a training is and what is due how often, all in iterations.

    Attributes:
        iters: of the whole training.
        save_interval: between checkpoints.
        eval_interval: between evaluations.
        row_interval: between rows of metrics.
    """

    iters: int
    save_interval: int
    eval_interval: int
    row_interval: int


def length(
    iters: int, epochs: int | None, save_interval: int, options: TrainOptions, per_epoch: int
) -> Length:
    """Put everything into iterations.

    Args:
        iters: of the whole training; counts if `epochs` is None.
        epochs: of the whole training, or None.
        save_interval: likewise.
        options: `save_epochs` and `eval_epochs` count if `epochs` is given.
        per_epoch: iterations of an epoch.

    Raises:
        ValueError: if iterations and epochs are given for one thing.
    """
    if epochs is None:
        for name in ("eval_epochs", "save_epochs"):
            if getattr(options, name) is not None:
                raise ValueError(
                    f"{name} is {getattr(options, name)}, but the training counts iterations "
                    "(iters): give epochs, or save_interval in its place."
                )
        return Length(iters, save_interval, save_interval, save_interval)
    for name, value, default, instead in (
        ("iters", iters, ITERS, "epochs"),
        ("save_interval", save_interval, SAVE_INTERVAL, "save_epochs"),
    ):
        if value != default:
            raise ValueError(
                f"{name} is {value} and epochs is {epochs}: a training counts in one of the two. "
                f"Leave {name} out ({instead} is in its place), or epochs."
            )
    saved, evaluated = options.save_epochs or 1, options.eval_epochs or 1
    return Length(epochs * per_epoch, saved * per_epoch, evaluated * per_epoch, per_epoch)


@dataclass(frozen=True)
class Schedule:
    """When things happen, in iterations, and how the evaluation is done.

    Attributes:
        length: of the training, and between checkpoints, evaluations and rows of metrics.
        log_iters: between log lines.
        accumulate: batches of one update.
        num_workers: reader processes.
        has_val_dataset: whether there is a validation set.
        evaluation: arguments of `evaluate`.
    """

    length: Length
    log_iters: int
    accumulate: int
    num_workers: int
    has_val_dataset: bool
    evaluation: dict[str, Any] = field(default_factory=dict)

    def saves(self, run: Run) -> bool:
        """Tell whether a checkpoint is due."""
        return is_last(run) or run.iteration % self.length.save_interval == 0

    def evaluates(self, run: Run) -> bool:
        """Tell whether an evaluation is due."""
        due = is_last(run) or run.iteration % self.length.eval_interval == 0
        return self.has_val_dataset and due

    def ends_row(self, run: Run) -> bool:
        """Tell whether a row of metrics is complete."""
        return is_last(run) or run.iteration % self.length.row_interval == 0


def is_last(run: Run) -> bool:
    """Tell whether the training ends with this iteration."""
    return run.iteration == run.iters or run.stop_reason is not None
