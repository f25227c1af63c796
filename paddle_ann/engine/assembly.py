"""Puts a training together: checks the arguments of `train`, and makes and wires the parts."""

from __future__ import annotations

import functools

import paddle
from paddleseg.utils import logger

from paddle_ann.checkpoint import CheckpointStore
from paddle_ann.engine import arguments, checks, processes
from paddle_ann.engine import precision as precisions
from paddle_ann.engine.callback import Callbacks, Run
from paddle_ann.engine.data import draw_seed
from paddle_ann.engine.early_stop import EarlyStop
from paddle_ann.engine.ema import MovingAverage
from paddle_ann.engine.epochs import Schedule, iters_per_epoch, length
from paddle_ann.engine.fingerprint import fingerprint
from paddle_ann.engine.freeze import Freeze
from paddle_ann.engine.guard import Guard
from paddle_ann.engine.loop import Loop
from paddle_ann.engine.metric_rows import MetricRows
from paddle_ann.engine.options import TrainOptions
from paddle_ann.engine.progress import Progress
from paddle_ann.engine.saving import Saving
from paddle_ann.engine.signals import StopSignals
from paddle_ann.engine.step import Step
from paddle_ann.engine.symptoms import Symptoms


class Assembly:
    """The parts of a training that has not begun.

    Args:
        given: the arguments.

    Raises:
        TypeError, ValueError, FileExistsError: for arguments or data that cannot be trained with.
    """

    def __init__(self, given: arguments.Arguments) -> None:
        arguments.check_by_themselves(given)
        self.given, self.options = given, given.options or TrainOptions()
        self.group = processes.connect()
        arguments.check_options(given, self.options)
        self.losses = checks.check_loss_config(given.losses)
        self.evaluation = checks.evaluation_settings(given.test_config)
        self.numeric = precisions.choose(given.precision, given.amp_level)
        arguments.check_data(given, self.options, self.group.world)
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


def compiled(model: paddle.nn.Layer) -> paddle.nn.Layer:
    """Compile a model's forward pass."""
    model = paddle.jit.to_static(model)
    logger.info("Successfully applied @to_static")
    return model
