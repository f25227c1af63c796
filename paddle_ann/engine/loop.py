"""The loop: read, compute, update, log, save, evaluate, stop."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Generator
from pathlib import Path
from typing import Any

from paddleseg.utils import logger

from paddle_ann.checkpoint import capture_random, restore_random
from paddle_ann.engine.callback import Batch, Callback, Run
from paddle_ann.engine.data import (
    SeededSamples,
    TrainingBatches,
    make_loader,
    reading,
    undisturbed,
)
from paddle_ann.engine.ema import MovingAverage
from paddle_ann.engine.epochs import Schedule
from paddle_ann.engine.evaluation import Watch, evaluate
from paddle_ann.engine.processes import connect
from paddle_ann.engine.progress import Progress, log_line
from paddle_ann.engine.saving import Saving
from paddle_ann.engine.signals import EvaluationStopped, Interrupted, StopSignals
from paddle_ann.engine.step import Step


class Loop:
    """Trains a run to its end.

    Args:
        run: the run.
        step: computes and applies gradients.
        saving: its checkpoints.
        average: the moving average of the weights, if wanted.
        progress: averages for the log line.
        callbacks: what is plugged in.
        schedule: when things happen.
        train_dataset: the samples.
        val_dataset: evaluated as the schedule says; None for none.
        stop: the signals.
    """

    def __init__(
        self,
        run: Run,
        step: Step,
        saving: Saving,
        average: MovingAverage | None,
        progress: Progress,
        callbacks: Callback,
        schedule: Schedule,
        train_dataset: Any,
        val_dataset: Any,
        stop: StopSignals,
    ) -> None:
        self.run, self.step, self.saving, self.average = run, step, saving, average
        self.progress, self.callbacks, self.schedule = progress, callbacks, schedule
        self.train_dataset, self.val_dataset, self.stop = train_dataset, val_dataset, stop
        self.group, self.stopping = connect(), False
        self.saved_at = run.iteration  # of the newest checkpoint
        # Random states at the beginning of an evaluation that is not over.
        self.owed: dict[str, Any] | None = None

    def run_to_the_end(self, evaluation_pending: bool) -> None:
        """Train, and let the callbacks close what they opened however it ends; see `train`."""
        try:
            self.train(evaluation_pending)
        except EvaluationStopped:
            self.leave_on_signal()
        except BaseException as error:
            self.run.failure = error
            raise
        finally:
            self.callbacks.on_end(self.run)

    def train(self, evaluation_pending: bool) -> None:
        """Train from `run.iteration` to `run.iters`.

        Args:
            evaluation_pending: whether the checkpoint that was resumed is still to be evaluated.

        Raises:
            Interrupted: after a signal, once the run is saved.
        """
        run = self.run
        if self.average and run.iteration == 0:
            self.average.start(run.model)
        self.saved_at = run.iteration
        self.callbacks.on_start(run)
        if evaluation_pending and run.iteration:
            self.evaluate(run.save_dir / f"iter_{run.iteration}")
        run.model.train()
        self.progress.start_clock()
        while run.iteration < run.iters and run.stop_reason is None:
            before = run.iteration
            with contextlib.closing(self.updates()) as updates:
                for run.batches, run.samples in updates:
                    self.iterate()
                    if run.stop_reason or run.iteration != before + 1:  # a callback went back
                        break
                    before = run.iteration
        if run.stop_reason:
            logger.info(f"Training ends at iteration {run.iteration}: {run.stop_reason}")

    def updates(self) -> Generator[tuple[list[Batch], list[list[int]]], None, None]:
        """Yield what each update is computed from, from the current iteration on."""
        count, run = self.schedule.accumulate, self.run
        batches = TrainingBatches(
            self.train_dataset,
            run.batch_size,
            run.iteration * count,
            run.iters * count,
            run.world,
            run.rank,
        )
        samples = SeededSamples(self.train_dataset, self.saving.seed)
        with reading(make_loader(samples, batches, self.schedule.num_workers)) as reader:
            for first in range(batches.start, batches.stop, count):
                read = list(itertools.islice(reader, count))
                yield read, [[int(i) for i in batches.batch(first + k)] for k in range(count)]

    def iterate(self) -> None:
        """Make one update, and what is due after it."""
        run, schedule = self.run, self.schedule
        self.progress.data_is_here()
        self.stopping = self.group.meet(self.stop.received is not None)
        self.callbacks.on_batches(run)
        run.losses = self.step.gradients(run.batches)
        run.loss = sum(run.losses)
        run.learning_rate = self.step.optimizer.get_lr()
        run.iteration = number = run.iteration + 1
        wanted = self.callbacks.on_gradients(run)
        if run.iteration != number:  # a callback went back to a checkpoint, schedule and all
            run.model.clear_gradients()
            self.progress.start_clock()
            return
        if wanted:
            self.step.update()
        self.step.finish(self.group.mean(run.loss) if self.step.follows_loss else run.loss)
        self.progress.add(run)
        if self.average and wanted:
            self.average.update(run.model, run.iteration)
        self.callbacks.on_step(run)
        if run.iteration % schedule.log_iters == 0:
            record = self.progress.record(run)
            if run.is_main:
                logger.info(log_line(run, record))
            self.callbacks.on_log(run, record)
        self.save_and_evaluate()
        self.leave_on_signal()
        self.progress.start_clock()

    def save_and_evaluate(self) -> None:
        """Do what is due; save first, so that an evaluation that dies costs nothing but itself."""
        run, evaluating = self.run, self.schedule.evaluates(self.run)
        folder = self.save(evaluation_due=evaluating) if self.schedule.saves(run) else None
        if evaluating:
            self.evaluate(folder)
        if run.stop_reason and self.saved_at != run.iteration:  # the evaluation ends the training
            self.save(evaluation_due=False)

    def save(self, evaluation_due: bool) -> Path | None:
        """Write the checkpoint; in the main process return its folder."""
        folder = self.saving.save(evaluation_due)
        self.saved_at = self.run.iteration
        if folder is not None:
            self.callbacks.on_save(self.run, folder)
        return folder

    def evaluate(self, folder: Path | None) -> None:
        """Evaluate, and keep the best model.

        Args:
            folder: the checkpoint of this iteration, if there is one.
        """
        if self.val_dataset is None:
            return
        run = self.run
        with undisturbed():
            self.owed = capture_random()
        try:
            # Processes that leave it at different places could not save together afterwards.
            self.stop.interruptible = self.saved_at == run.iteration or self.group.world == 1
            self.stopping = self.group.meet(self.stop.received is not None)
            self.leave_on_signal()
            if self.saved_at != run.iteration:  # else they are equal already
                self.saving.share_statistics(self.group)
            watch = functools.partial(self.callbacks.on_predictions, run)
            run.scores = self.scores_of(run.model, watch)
            if self.average:
                scores = self.scores_of(self.average.model)
                run.scores.update({f"ema_{k}": scores[k] for k in ("mIoU", "accuracy")})
        except EvaluationStopped:
            self.stopping = True
            self.leave_on_signal()
        finally:
            self.stop.interruptible = False
        self.owed = None
        self.saving.best.keep("model", run.model, run.scores["mIoU"])
        if self.average:
            self.saving.best.keep("ema_model", self.average.model, run.scores["ema_mIoU"])
        self.callbacks.on_eval(run, run.scores)
        self.saving.evaluated(folder if run.is_main else None)
        run.model.train()

    def scores_of(self, model: Any, watch: Watch | None = None) -> dict[str, Any]:
        """Evaluate a model."""
        workers = 1 if self.schedule.num_workers > 0 else 0
        settings = self.schedule.evaluation
        found = evaluate(model, self.val_dataset, num_workers=workers, watch=watch, **settings)
        miou, accuracy, class_iou, class_precision, kappa = found
        return {
            "mIoU": float(miou),
            "accuracy": float(accuracy),
            "kappa": float(kappa),
            "class_iou": [float(value) for value in class_iou],
            "class_precision": [float(value) for value in class_precision],
            "confusion": getattr(found, "confusion", None),
        }

    def leave_on_signal(self) -> None:
        """End the process in good order if a signal asked for it."""
        alone = self.group.world == 1
        if not (self.stop.received is not None if alone else self.stopping):
            return
        if self.saved_at != self.run.iteration:
            if self.owed is not None:  # as if the evaluation had not begun
                with undisturbed():
                    restore_random(self.owed)
            self.save(evaluation_due=self.owed is not None)
        signal = self.stop.received or "a signal to another process"
        message = (
            f"Stopped by {signal} after iteration {self.run.iteration}, saved in "
            f"{self.run.save_dir}. Go on with resume_model='auto' (--resume auto)."
        )
        logger.info(message)
        raise Interrupted(message)
