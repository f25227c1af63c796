"""Puts a training together: checks the arguments of `train`, and makes and wires the parts."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paddle
from paddleseg.utils import logger

from paddle_ann.checkpoint import CheckpointStore
from paddle_ann.engine import checks, data_checks, processes, spreadsheet
from paddle_ann.engine import precision as precisions
from paddle_ann.engine.callback import Callback, Callbacks, Run
from paddle_ann.engine.data import draw_seed
from paddle_ann.engine.early_stop import EarlyStop
from paddle_ann.engine.ema import MovingAverage
from paddle_ann.engine.epochs import Schedule, iters_per_epoch, length
from paddle_ann.engine.fingerprint import fingerprint
from paddle_ann.engine.freeze import Freeze
from paddle_ann.engine.guard import Guard
from paddle_ann.engine.loop import Loop
from paddle_ann.engine.metric_rows import MetricRows
from paddle_ann.engine.options import NOT_YAML, TrainOptions
from paddle_ann.engine.progress import Progress
from paddle_ann.engine.saving import Saving
from paddle_ann.engine.signals import StopSignals
from paddle_ann.engine.step import Step
from paddle_ann.engine.symptoms import Symptoms


@dataclass(frozen=True)
class Arguments:
    """What `train` was given, by the names of its parameters."""

    model: paddle.nn.Layer
    train_dataset: Any
    val_dataset: Any
    optimizer: Any
    save_dir: str | Path
    iters: int
    batch_size: int
    resume_model: str | Path | None
    save_interval: int
    log_iters: int
    num_workers: int
    use_vdl: bool
    use_ema: bool
    losses: dict[str, Any] | None
    keep_checkpoint_max: int
    test_config: dict[str, Any] | None
    precision: str
    amp_level: str
    profiler_options: str | None
    to_static_training: bool
    epochs: int | None
    options: TrainOptions | None
    callbacks: Sequence[Callback]

    def plain(self) -> dict[str, Any]:
        """Return those that are numbers, texts and the like, and the options that differ."""
        simple = (bool, int, float, str, Path)
        found = {name: value for name, value in vars(self).items() if isinstance(value, simple)}
        given, usual = vars(self.options or TrainOptions()), vars(TrainOptions())
        chosen = {n: v for n, v in given.items() if v != usual[n] and n not in NOT_YAML}
        return {**found, **chosen}


class Assembly:
    """The parts of a training that has not begun.

    Args:
        given: the arguments.

    Raises:
        TypeError, ValueError, FileExistsError: for arguments or data that cannot be trained with.
    """

    def __init__(self, given: Arguments) -> None:
        check_by_themselves(given)
        self.given, self.options = given, given.options or TrainOptions()
        self.group = processes.connect()
        check_options(given, self.options)
        self.losses = checks.check_loss_config(given.losses)
        self.evaluation = checks.evaluation_settings(given.test_config)
        self.numeric = precisions.choose(given.precision, given.amp_level)
        check_data(given, self.options, self.group.world)
        self.store = CheckpointStore(given.save_dir, given.keep_checkpoint_max)
        self.schedule = self._schedule()
        self.frozen = Freeze(given.model, self.options.freeze)
        self.run = self._run()
        self.average = MovingAverage(self.run.model) if given.use_ema else None
        self.step = self._step()
        self.progress = Progress()
        self.callbacks = Callbacks(list(given.callbacks))
        self.saving = self._saving()
        self._plug_in()

    def loop(self, stop: StopSignals) -> Loop:
        """Return the loop that trains."""
        return Loop(
            self.run,
            self.step,
            self.saving,
            self.average,
            self.progress,
            self.callbacks,
            self.schedule,
            self.given.train_dataset,
            self.given.val_dataset,
            stop,
        )

    def _schedule(self) -> Schedule:
        given, options = self.given, self.options
        per_epoch = iters_per_epoch(
            given.train_dataset, given.batch_size, options.accumulate, self.group.world
        )
        planned = length(given.iters, given.epochs, given.save_interval, options, per_epoch)
        evaluation = {
            "precision": self.numeric.name,
            "amp_level": given.amp_level,
            "batch_size": options.eval_batch_size,
            **self.evaluation,
        }
        return Schedule(
            planned,
            given.log_iters,
            options.accumulate,
            given.num_workers,
            given.val_dataset is not None,
            evaluation,
        )

    def _run(self) -> Run:
        given = self.given
        model, optimizer = self.numeric.decorate(given.model, given.optimizer)
        return Run(
            model=model,
            optimizer=optimizer,
            save_dir=self.store.folder,
            iters=self.schedule.length.iters,
            iters_per_epoch=iters_per_epoch(
                given.train_dataset, given.batch_size, self.options.accumulate, self.group.world
            ),
            batch_size=given.batch_size,
            world=self.group.world,
            rank=self.group.rank,
        )

    def _step(self) -> Step:
        model = self.run.model
        return Step(
            compiled(model) if self.given.to_static_training else model,
            self.run.optimizer,
            self.losses,
            self.numeric,
            self.group.parallel(model),
        )

    def _saving(self) -> Saving:
        given, options = self.given, self.options
        made_of = fingerprint(
            self.run.model,
            self.run.optimizer,
            self.losses,
            given.train_dataset,
            batch_size=given.batch_size,
            accumulate=options.accumulate,
            freeze=sorted(options.freeze),
            precision=[self.numeric.name, self.numeric.level],
            use_ema=given.use_ema,
            configuration=dict(options.configuration),
        )
        return Saving(
            self.store,
            self.run,
            self.step,
            self.average,
            {"progress": self.progress, "callbacks": self.callbacks},
            made_of,
            self.group.share(draw_seed() if options.seed is None else options.seed),
        )

    def _plug_in(self) -> None:
        """Add what watches over every training, and tells of it, to what the user plugged in."""
        from paddle_ann.monitor.callbacks import callbacks  # which imports from this package

        given, options, members = self.given, self.options, self.callbacks.members
        guard = Guard(options.non_finite, self.saving, given.train_dataset)
        tell = callbacks(
            given.use_vdl,
            options,
            self.step,
            given.val_dataset,
            {**given.plain(), "seed": self.saving.seed, "processes": self.group.world},
            self.saving.fingerprint,
        )
        members[:0] = [self.frozen, guard, Symptoms(given.train_dataset), *tell]
        if options.patience:
            members.append(EarlyStop(options.patience, options.min_delta))
        if options.metrics or options.xlsx:
            rows = MetricRows(
                self.schedule,
                given.train_dataset,
                given.val_dataset,
                given.use_ema,
                options.xlsx,
                self.callbacks.on_row,
            )
            members.append(rows)
        self.step.observe = functools.partial(self.callbacks.on_outputs, self.run)


def check_by_themselves(given: Arguments) -> None:
    """Refuse arguments that are of a wrong kind, or a number out of its range."""
    checks.check_kinds(
        given.model,
        given.save_dir,
        given.test_config,
        given.options,
        given.callbacks,
        given.num_workers,
        train_dataset=given.train_dataset,
        val_dataset=given.val_dataset,
    )
    counts = {"iters": given.iters, "batch_size": given.batch_size}
    counts["save_interval"] = given.save_interval
    counts.update({} if given.epochs is None else {"epochs": given.epochs})
    checks.check_counts(**counts, log_iters=given.log_iters)
    checks.check_optimizer(given.optimizer)
    checks.check_save_dir(given.save_dir)
    checks.check_profiler(given.profiler_options)


def check_options(given: Arguments, options: TrainOptions) -> None:
    """Refuse options whose package or data set is missing."""
    if options.xlsx:
        spreadsheet.check_openpyxl()
    checks.check_patience(options.patience, given.val_dataset)


def check_data(given: Arguments, options: TrainOptions, world: int) -> None:
    """Refuse data sets that cannot be trained on or evaluated with; a few samples are read."""
    data_checks.check_enough_samples(
        given.train_dataset, given.batch_size, world, options.accumulate
    )
    data_checks.check_data("train_dataset", given.train_dataset)
    data_checks.check_data("val_dataset", given.val_dataset)
    data_checks.check_labelled(given.val_dataset)


def compiled(model: paddle.nn.Layer) -> paddle.nn.Layer:
    """Compile a model's forward pass."""
    model = paddle.jit.to_static(model)
    logger.info("Successfully applied @to_static")
    return model
