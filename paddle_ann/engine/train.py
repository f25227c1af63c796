"""`train`: PaddleSeg's signature, log lines, checkpoints and VisualDL tags, in a loop to trust."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import paddle
from paddleseg.utils import logger

from paddle_ann.checkpoint import RunLock
from paddle_ann.engine import earlier, processes
from paddle_ann.engine.arguments import Arguments
from paddle_ann.engine.assembly import Assembly
from paddle_ann.engine.callback import Callback
from paddle_ann.engine.options import TrainOptions
from paddle_ann.engine.saving import Saving
from paddle_ann.engine.signals import StopSignals


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
    parts = Assembly(Arguments(**locals()))  # the parameters above, by their names
    run, group = parts.run, parts.group
    with contextlib.ExitStack() as stack:
        stack.callback(parts.frozen.thaw)
        stack.enter_context(warnings.catch_warnings())
        # Paddle says so of every batch norm, and it is what it should do.
        warnings.filterwarnings("ignore", "When training, we now always track global mean")
        if run.is_main:
            stack.enter_context(RunLock(parts.store.folder))
        stop = stack.enter_context(StopSignals())
        group.listen(stop)
        pending = resume(parts.saving, resume_model, parts.options)
        parts.loop(stop).run_to_the_end(pending)
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
