"""Arguments that a training would fail of late or get wrong in silence, refused at its start."""

from __future__ import annotations

import inspect
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from paddle_ann.engine.options import TrainOptions
from paddle_ann.paths import check_folder

_GIVEN = {"model", "eval_dataset", "num_workers"}  # arguments of evaluate that train gives
_OF_PREDICT = {"aug_pred", "custom_color"}


def check_kinds(
    model: Any,
    save_dir: Any,
    test_config: Any,
    options: Any,
    callbacks: Any,
    num_workers: Any,
    **datasets: Any,
) -> None:
    """Refuse arguments of `train` that are of another kind than they must be.

    Args:
        model: a layer.
        save_dir: a path.
        test_config: arguments of `evaluate` by name, or None.
        options: `TrainOptions`, or None.
        callbacks: `Callback`s in a list or tuple.
        num_workers: an integer of at least 0.
        **datasets: train_dataset and val_dataset; the second may be None.

    Raises:
        TypeError: naming the argument, what was received and what it must be.
    """
    wanted = {
        name: (_is_dataset(value), "a data set such as PaddleSeg's")
        for name, value in datasets.items()
        if value is not None or name != "val_dataset"
    }
    received = {**datasets, "model": model, "save_dir": save_dir, "test_config": test_config}
    received.update(options=options, callbacks=callbacks, num_workers=num_workers)
    listed = isinstance(callbacks, (list, tuple))
    whole = isinstance(num_workers, (int, np.integer)) and not isinstance(num_workers, bool)
    wanted.update({
        "model": (isinstance(model, paddle.nn.Layer), "a paddle.nn.Layer"),
        "save_dir": (isinstance(save_dir, (str, os.PathLike)), "the path of a folder"),
        "test_config": (isinstance(test_config, (dict, type(None))), "a dict of settings"),
        "options": (isinstance(options, (TrainOptions, type(None))), "a TrainOptions"),
        "callbacks": (
            listed and all(hasattr(item, "on_step") for item in callbacks),
            "a list of paddle_ann.engine.Callback",
        ),
        "num_workers": (whole and num_workers >= 0, "an integer of at least 0"),
    })
    for name, (right, kind) in wanted.items():
        if not right:
            raise TypeError(f"{name} must be {kind}; received {received[name]!r}.")


def _is_dataset(value: Any) -> bool:
    simple = isinstance(value, (str, bytes, dict, list, tuple))
    return not simple and hasattr(value, "__getitem__") and hasattr(value, "__len__")


def evaluation_settings(test_config: dict[str, Any] | None) -> dict[str, Any]:
    """Return what `evaluate` takes of a configuration's `test_config`, which `predict` shares.

    Raises:
        ValueError: for a setting that neither knows.
    """
    from paddle_ann.config.spelling import did_you_mean
    from paddle_ann.engine.evaluation import evaluate

    known = {n: "" for n in inspect.signature(evaluate).parameters if n not in _GIVEN}
    for name in test_config or {}:
        if name not in known and name not in _OF_PREDICT:
            raise ValueError(
                f"test_config has an unknown key {name!r}{did_you_mean(name, known)} It holds "
                "arguments of evaluate()."
            )
    return {name: value for name, value in (test_config or {}).items() if name in known}


def check_save_dir(path: str | Path) -> None:
    """Refuse a save_dir that is a file, which PaddleSeg would delete, or that cannot be made.

    Raises:
        FileExistsError: naming it, or the file in its way.
        ValueError: as `paths.check_folder` has it.
    """
    if os.path.lexists(path) and not os.path.isdir(path):
        raise FileExistsError(
            f"save_dir {path} is a file, not a folder; PaddleSeg would delete it. Give another "
            "save_dir, or move the file away."
        )
    check_folder(path, "save_dir")


def check_loss_config(losses: Any) -> dict[str, Any]:
    """Return the losses; refuse what is no {'types': [...], 'coef': [...]} of one length.

    Raises:
        ValueError: naming what is missing, the lengths, or the coef that is no finite number.
    """
    if not isinstance(losses, dict) or not all(
        isinstance(losses.get(name), (list, tuple)) for name in ("types", "coef")
    ):
        raise ValueError(
            f"losses must be a dict with the lists 'types' and 'coef', received {losses!r}."
        )
    types, coef = len(losses["types"]), len(losses["coef"])
    if types != coef:
        raise ValueError(
            f"losses has {types} types and {coef} coef: give every loss its coefficient."
        )
    for value in losses["coef"]:
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ValueError(
                f"losses has the coef {list(losses['coef'])}: {value!r} is no finite number. Give "
                "each loss its weight in the sum, such as 1 and 0.4."
            )
    return losses


def check_logits_losses(logits_list: Any, losses: dict[str, Any]) -> None:
    """Refuse a number of losses that is not the number of the model's outputs.

    Raises:
        ValueError: naming both numbers.
    """
    outputs, types = len(logits_list), len(losses["types"])
    if outputs != types:
        raise ValueError(
            f"The model has {outputs} outputs in training, but losses has {types} types: every "
            "output needs a loss and a coef. ANN has two outputs with enable_auxiliary_loss=True, "
            "else one."
        )


def check_counts(**counts: Any) -> None:
    """Refuse numbers of the training's arguments that are no integers of at least 1.

    Raises:
        TypeError: for what is no integer.
        ValueError: for one below 1.
    """
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"{name} must be an integer of at least 1; received {value!r}.")
        if value < 1:
            raise ValueError(f"{name} must be at least 1; received {value}.")


def check_optimizer(optimizer: Any) -> None:
    """Refuse a missing optimizer.

    Raises:
        TypeError: naming what was received.
    """
    if not hasattr(optimizer, "step") or not hasattr(optimizer, "set_state_dict"):
        raise TypeError(
            f"optimizer must be one of paddle.optimizer's, of the model's parameters; received "
            f"{optimizer!r}."
        )


def check_profiler(profiler_options: Any) -> None:
    """Refuse PaddleSeg's profiler.

    Raises:
        ValueError: if it is asked for.
    """
    if profiler_options is not None:
        raise ValueError(
            "profiler_options cannot be used: Paddle has removed what PaddleSeg's profiler calls. "
            "Leave it out; paddle.profiler can be run around train()."
        )


def check_patience(patience: int, dataset: Any) -> None:
    """Refuse to wait for a better mIoU where none is computed.

    Raises:
        ValueError: if there is no validation set.
    """
    if patience and dataset is None:
        raise ValueError(
            f"patience is {patience}, but nothing is evaluated: give val_dataset (--do_eval)."
        )
