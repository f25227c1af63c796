"""`train`: PaddleSeg's signature, log lines, checkpoints and VisualDL tags, in a loop to trust."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import paddle
from paddleseg.utils import logger

from paddle_ann.checkpoint import CheckpointStore, RunLock
from paddle_ann.engine import checks, data_checks, earlier, processes, spreadsheet
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
from paddle_ann.engine.options import TrainOptions
from paddle_ann.engine.progress import Progress
from paddle_ann.engine.saving import Saving
from paddle_ann.engine.signals import StopSignals
from paddle_ann.engine.step import Step
from paddle_ann.engine.symptoms import Symptoms
from paddle_ann.engine.visualdl import VisualDLLog


class Result(NamedTuple):
    """How a training ended.

    Attributes:
        iteration: updates done.
        best: mIoU and iteration of the best model, by 'model' and 'ema_model'.
        stop_reason: why it ended early; None if it did not.
    """

    iteration: int
    best: dict[str, tuple[float, int]]
    stop_reason: str | None


@processes.in_a_group
def train(
    model: paddle.nn.Layer,
    train_dataset: Any,
    val_dataset: Any = None,
    optimizer: Any = None,
    save_dir: str | Path = "output",
    iters: int = 10000,
    batch_size: int = 2,
    resume_model: str | Path | None = None,
    save_interval: int = 1000,
    log_iters: int = 10,
    num_workers: int = 0,
    use_vdl: bool = False,
    use_ema: bool = False,
    losses: dict[str, Any] | None = None,
    keep_checkpoint_max: int = 5,
    test_config: dict[str, Any] | None = None,
    precision: str = "fp32",
    amp_level: str = "O1",
    profiler_options: str | None = None,
    to_static_training: bool = False,
    *,
    epochs: int | None = None,
    options: TrainOptions | None = None,
    callbacks: Sequence[Callback] = (),
) -> Result:
    """Train a segmentation model; the arguments are those of PaddleSeg's `train`, and three more.

    Args:
        model: maps images (N, 3, H, W) to a list of logits, one for each loss.
        train_dataset: PaddleSeg data set; its samples are dicts with 'img' and 'label'.
        val_dataset: evaluated at each checkpoint, or every `TrainOptions.eval_epochs` if the
            training counts epochs; the best model is kept in `best_model`.
        optimizer: of the model's parameters.
        save_dir: folder for `iter_N`, `best_model` and logs.
        iters: updates in all.
        batch_size: samples of one process and batch.
        resume_model: a folder `iter_N` to go on from, or 'auto' for the newest whole one in
            `save_dir`, if there is any.
        save_interval: updates between checkpoints.
        log_iters: updates between log lines.
        num_workers: reader processes.
        use_vdl: write VisualDL logs into `save_dir`.
        use_ema: keep a moving average of the weights too.
        losses: lists 'types' and 'coef', one entry for each output of the model.
        keep_checkpoint_max: how many of the newest `iter_N` stay; 0 keeps all.
        test_config: arguments of `evaluate`.
        precision: 'fp32', 'fp16', 'bf16' or 'auto'.
        amp_level: 'O1' or 'O2'.
        profiler_options: not supported; Paddle has removed what PaddleSeg's profiler calls.
        to_static_training: compile the model with `paddle.jit.to_static`.
        epochs: passes over the data in all, in place of `iters`; `TrainOptions.save_epochs` is then
            in place of `save_interval`. The optimizer's schedule still moves on at each update.
        options: what PaddleSeg's `train` cannot do, see `TrainOptions`.
        callbacks: what is plugged in, see `Callback`.

    Returns:
        How it ended.

    Raises:
        TypeError, ValueError, FileNotFoundError, FileExistsError: for arguments, data or
            checkpoints that cannot be trained with, before the first update.
        NonFiniteError: for a loss or gradient that is nan or infinite.
        Interrupted: (a SystemExit with code 75) after SIGINT or SIGTERM, once the run is saved.
    """
    checks.check_kinds(
        model,
        save_dir,
        test_config,
        options,
        callbacks,
        num_workers,
        train_dataset=train_dataset,
        val_dataset=val_dataset,
    )
    options = options or TrainOptions()
    group = processes.connect()
    world, rank = group.world, group.rank
    counts = {"iters": iters, "batch_size": batch_size, "save_interval": save_interval}
    counts.update({} if epochs is None else {"epochs": epochs})
    checks.check_counts(**counts, log_iters=log_iters)
    if options.xlsx:
        spreadsheet.check_openpyxl()
    checks.check_optimizer(optimizer)
    losses = checks.check_loss_config(losses)
    evaluation_settings = checks.evaluation_settings(test_config)
    checks.check_save_dir(save_dir)
    checks.check_profiler(profiler_options)
    data_checks.check_enough_samples(train_dataset, batch_size, world, options.accumulate)
    numeric = precisions.choose(precision, amp_level)
    for name, dataset in (("train_dataset", train_dataset), ("val_dataset", val_dataset)):
        data_checks.check_data(name, dataset)
    data_checks.check_labelled(val_dataset)
    checks.check_patience(options.patience, val_dataset)
    store = CheckpointStore(save_dir, keep_checkpoint_max)
    per_epoch = iters_per_epoch(train_dataset, batch_size, options.accumulate, world)
    planned = length(iters, epochs, save_interval, options, per_epoch)
    frozen = Freeze(model, options.freeze)
    model, optimizer = numeric.decorate(model, optimizer)
    run = Run(
        model=model,
        optimizer=optimizer,
        save_dir=store.folder,
        iters=planned.iters,
        iters_per_epoch=per_epoch,
        batch_size=batch_size,
        world=world,
        rank=rank,
    )
    average = MovingAverage(model) if use_ema else None
    step = Step(
        compiled(model) if to_static_training else model,
        optimizer,
        losses,
        numeric,
        group.parallel(model),
    )
    progress = Progress()
    plugged = Callbacks([*([VisualDLLog()] if use_vdl else []), *callbacks])
    saving = Saving(
        store,
        run,
        step,
        average,
        {"progress": progress, "callbacks": plugged},
        fingerprint(
            model,
            optimizer,
            losses,
            train_dataset,
            batch_size=batch_size,
            accumulate=options.accumulate,
            freeze=sorted(options.freeze),
            precision=[numeric.name, numeric.level],
            use_ema=use_ema,
            configuration=dict(options.configuration),
        ),
        group.share(draw_seed() if options.seed is None else options.seed),
    )
    guard = Guard(options.non_finite, saving, train_dataset)
    plugged.members[:0] = [frozen, guard, Symptoms(train_dataset)]
    if options.patience:
        plugged.members.append(EarlyStop(options.patience, options.min_delta))
    test_config = {
        "precision": numeric.name,
        "amp_level": amp_level,
        "batch_size": options.eval_batch_size,
        **evaluation_settings,
    }
    schedule = Schedule(
        planned, log_iters, options.accumulate, num_workers, val_dataset is not None, test_config
    )
    if options.metrics or options.xlsx:
        plugged.members.append(
            MetricRows(schedule, train_dataset, val_dataset, use_ema, options.xlsx, plugged.on_row)
        )
    step.observe = functools.partial(plugged.on_outputs, run)
    with contextlib.ExitStack() as stack:
        stack.callback(frozen.thaw)
        stack.enter_context(warnings.catch_warnings())
        # Paddle says so of every batch norm, and it is what it should do.
        warnings.filterwarnings("ignore", "When training, we now always track global mean")
        if run.is_main:
            stack.enter_context(RunLock(store.folder))
        stop = stack.enter_context(StopSignals())
        group.listen(stop)
        pending = resume(saving, resume_model, options)
        loop = Loop(
            run,
            step,
            saving,
            average,
            progress,
            plugged,
            schedule,
            train_dataset,
            val_dataset,
            stop,
        )
        loop.run_to_the_end(pending)
    return Result(run.iteration, dict(run.best), run.stop_reason)


def resume(saving: Saving, resume_model: str | Path | None, options: TrainOptions) -> bool:
    """Load the checkpoint to go on from, if any; tell whether it is still to be evaluated."""
    group = processes.connect()

    def find() -> tuple[str, int] | None:
        start = earlier.find_start(saving.store, resume_model, options.set_aside)
        return start and (str(start.path), start.iteration)

    found = group.of_main(find)
    if found is None:
        return False
    path, iteration = found
    pending = saving.resume(Path(path), iteration, options.force_resume)
    logger.info(f"Resume model from {path}, iteration {iteration}.")
    return pending


def compiled(model: paddle.nn.Layer) -> paddle.nn.Layer:
    """Compile a model's forward pass."""
    model = paddle.jit.to_static(model)
    logger.info("Successfully applied @to_static")
    return model
