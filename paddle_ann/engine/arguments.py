"""The arguments of `train`, and what is refused before anything is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paddle

from paddle_ann.engine import checks, data_checks, spreadsheet
from paddle_ann.engine.callback import Callback
from paddle_ann.engine.options import NOT_YAML, TrainOptions


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
