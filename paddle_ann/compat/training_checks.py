"""What `train` would hang on, fail of late or get wrong in silence is refused before it starts."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import paddle

from paddle_ann.compat.fix import Check, Fix, Patches, module, source_has

_PRECISIONS = ("fp32", "fp16")


def _core() -> Any:
    return module("paddleseg.core.train")


def _warn(message: str) -> None:
    module("paddleseg.utils.logger").warning(message)


def _checks_train(check: Check) -> Any:
    def patch(patches: Patches) -> None:
        patches.before(_core().train, check)

    return patch


def _lacks(text: str) -> Any:
    """A probe by inspection: True if the source of `train` does not hold `text`."""
    return lambda: not source_has(_core().train, text)


# -- the output folder (D3) -----------------------------------------------------------------------


def check_save_dir(given: dict[str, Any]) -> None:
    """Refuse a save_dir that is a file, which `train` would delete.

    Raises:
        FileExistsError: Naming it.
    """
    path = given["save_dir"]
    if os.path.lexists(path) and not os.path.isdir(path):
        raise FileExistsError(
            f"save_dir {path} is a file, not a folder; PaddleSeg would delete it. Give another "
            "save_dir, or move the file away."
        )


# -- precision (C3) -------------------------------------------------------------------------------


def check_precision(given: dict[str, Any]) -> None:
    """Refuse a precision that PaddleSeg would take for fp32, and warn of one without effect.

    Raises:
        ValueError: Naming the two that there are.
    """
    precision = given["precision"]
    if precision not in _PRECISIONS:
        raise ValueError(
            f"precision must be one of {', '.join(_PRECISIONS)}, received {precision!r}; "
            "PaddleSeg's train and evaluate know no other and would compute in fp32 without a word."
        )
    if given["amp_level"] not in ("O1", "O2"):
        raise ValueError(f"amp_level must be O1 or O2, received {given['amp_level']!r}.")
    if precision == "fp16" and paddle.get_device() == "cpu":
        _warn(
            "precision='fp16' has no effect on the CPU: Paddle's automatic mixed precision "
            "computes in fp32 there."
        )


def _patch_precision(patches: Patches) -> None:
    patches.before(_core().train, check_precision)
    patches.before(module("paddleseg.core.val").evaluate, check_precision)


# -- losses ---------------------------------------------------------------------------------------


def check_loss_config(given: dict[str, Any]) -> None:
    """Refuse losses that are no {'types': [...], 'coef': [...]} of one length.

    Raises:
        ValueError: Naming what is missing or the lengths.
    """
    losses = given["losses"]
    if not isinstance(losses, dict) or not {"types", "coef"} <= set(losses):
        raise ValueError(
            f"losses must be a dict with the lists 'types' and 'coef', received {losses!r}."
        )
    types, coef = len(losses["types"]), len(losses["coef"])
    if types != coef:
        raise ValueError(
            f"losses has {types} types and {coef} coef: give every loss its coefficient."
        )


def check_logits_losses(logits_list: Any, losses: dict[str, Any]) -> None:
    """Refuse a number of losses that is not the number of the model's outputs.

    Raises:
        ValueError: Naming both numbers.
    """
    outputs, types = len(logits_list), len(losses["types"])
    if outputs != types:
        raise ValueError(
            f"The model has {outputs} outputs in training, but losses has {types} types: every "
            "output needs a loss and a coef. ANN has two outputs with enable_auxiliary_loss=True, "
            "else one."
        )


def _losses_bite() -> bool:
    try:
        _core().check_logits_losses([0], {"types": []})
    except Exception as error:
        return "output" not in str(error)
    return True


def _patch_losses(patches: Patches) -> None:
    patches.before(_core().train, check_loss_config)
    patches.everywhere(_core().check_logits_losses, check_logits_losses)


# -- the data (C2, C9 to C13, C19) ----------------------------------------------------------------


def check_enough_samples(given: dict[str, Any]) -> None:
    """Refuse a training set that has no whole batch: `train` would loop for ever.

    Raises:
        ValueError: Naming both numbers.
    """
    samples, batch = len(given["train_dataset"]), given["batch_size"]
    ranks = paddle.distributed.ParallelEnv().nranks
    if math.ceil(samples / ranks) < batch:
        raise ValueError(
            f"The training set has {samples} samples, fewer than one batch: batch_size {batch} on "
            f"{ranks} device{'s' if ranks > 1 else ''}. Lower batch_size to "
            f"{max(samples // ranks, 1)} or less, or add samples."
        )


def _check_data(*names: str) -> Check:
    def check(given: dict[str, Any]) -> None:
        from paddle_ann.datasets.check import check_dataset

        for name in names:
            if given.get(name) is not None:
                for warning in check_dataset(given[name]).warnings:
                    _warn(f"{name}: {warning}")

    return check


def check_labelled(given: dict[str, Any]) -> None:
    """Refuse a validation set without one labelled pixel; look at samples until there is one.

    Raises:
        ValueError: Naming the data set and what to check.
    """
    dataset = given["val_dataset"]
    if dataset is None:
        return
    ignore_index = getattr(dataset, "ignore_index", 255)
    for index in range(len(dataset)):
        if (np.asarray(dataset[index]["label"]) != ignore_index).any():
            return
    raise ValueError(
        f"The validation set {type(dataset).__name__} has {len(dataset)} samples and not one "
        "labelled pixel: there is nothing to evaluate. Check its list file, and that its masks "
        f"hold more than ignore_index {ignore_index}."
    )


def _patch_data(patches: Patches) -> None:
    patches.before(_core().train, _check_data("train_dataset", "val_dataset"))
    patches.before(_core().train, check_labelled)
    patches.before(module("paddleseg.core.val").evaluate, _check_data("eval_dataset"))


FIXES = (
    Fix(
        "save-dir",
        "save_dir that is a file is deleted",
        "train calls os.remove on it (D3)",
        "paddleseg 2.8.0 and 2.10",
        lambda: source_has(_core().train, "os.remove(save_dir)"),
        _checks_train(check_save_dir),
    ),
    Fix(
        "precision",
        "precision='bf16' trains in fp32 without a word, and fp16 on the CPU too",
        "train and evaluate compare with 'fp16' and take everything else for fp32 (C3)",
        "paddleseg 2.8.0 and 2.10",
        _lacks("bf16"),
        _patch_precision,
    ),
    Fix(
        "loss-count",
        "IndexError for a missing coef; the message about losses and outputs does not say what to "
        "do",
        "train indexes losses['coef'] without a look at its length",
        "paddleseg 2.8.0 and 2.10",
        _losses_bite,
        _patch_losses,
    ),
    Fix(
        "small-data-set",
        "a training set smaller than batch_size: train runs for ever without an iteration",
        "drop_last leaves no batch, and the loop over iterations starts again (C2)",
        "paddleseg 2.8.0 and 2.10",
        _lacks("len(train_dataset)"),
        _checks_train(check_enough_samples),
    ),
    Fix(
        "data-check",
        "a missing or damaged file, or a label >= num_classes, stops the training when it is read "
        "first, hours later, or is never noticed",
        "train and evaluate read without a check (C9 to C13, C19)",
        "paddleseg 2.8.0 and 2.10",
        _lacks("check_dataset"),
        _patch_data,
    ),
)
