"""`train`: what would hang, fail late or be silently wrong is refused at once."""

from __future__ import annotations

import builtins
import contextlib
import functools
import io
import math
import os
import warnings
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


# -- the log line (A3) ----------------------------------------------------------------------------


def sum_losses(losses: list[Any]) -> Any:
    """`sum` for the module of `train`, which right after it logs every loss as `loss.numpy()[0]`.

    The sum is taken of the losses as they are; the list, read only for the log from there on, gets
    them as 1-D copies. So models with a `loss_computation` of their own are covered too.
    """
    total = builtins.sum(losses)
    if isinstance(losses, list):
        losses[:] = [
            loss.detach().reshape([1]) if getattr(loss, "ndim", None) == 0 else loss
            for loss in losses
        ]
    return total


def _log_bites() -> bool:
    """By inspection: to run it is to train."""
    return paddle.ones([2]).sum().ndim == 0 and source_has(_core().train, "l[0] / log_iters")


def _patch_log(patches: Patches) -> None:
    patches.set(_core(), "sum", sum_losses)


# -- paddle.flops at the end (A6) -----------------------------------------------------------------


def _flops_bites() -> bool:
    try:
        with warnings.catch_warnings():  # older numpy warns of what 2.4 refuses
            warnings.simplefilter("ignore")
            return int(paddle.ones([1], "int64")) != 1
    except TypeError:
        return True


def _int_of_one(value: Any) -> int:
    """`int` for Paddle's module of flops, where it meets tensors of shape [1]."""
    return int(value.item() if hasattr(value, "item") else value)


def _patch_flops(patches: Patches) -> None:
    patches.set(module("paddle.hapi.dynamic_flops"), "int", _int_of_one)


def _cleaning(original: Any) -> Any:
    """Wrap `dynamic_flops` so that the model has the buffers afterwards that it had before."""

    @functools.wraps(original)
    def dynamic_flops(model: Any, *args: Any, **kwargs: Any) -> Any:
        before = {id(layer): set(layer._buffers) for layer in model.sublayers(include_self=True)}
        try:
            return original(model, *args, **kwargs)
        finally:
            for layer in model.sublayers(include_self=True):
                for name in set(layer._buffers) - before.get(id(layer), set()):
                    delattr(layer, name)

    return dynamic_flops


def _buffers_bite() -> bool:
    model = paddle.nn.Sequential(paddle.nn.Linear(1, 1))
    model[0].add_sublayer("unused", paddle.nn.ReLU())
    own = len(model.state_dict())
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(TypeError):  # the fault above
            paddle.flops(model, [1, 1])
    return len(model.state_dict()) != own


def _patch_buffers(patches: Patches) -> None:
    flops = module("paddle.hapi.dynamic_flops")
    patches.set(flops, "dynamic_flops", _cleaning(flops.dynamic_flops))


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


# -- the VisualDL log of a training that fails ----------------------------------------------------


@functools.cache
def _closing_log(original: Any) -> Any:
    """Close the LogWriter in `train`'s frame if `train` raises, so that the log is whole."""

    @functools.wraps(original)
    def train(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except BaseException as error:
            trace = error.__traceback__
            while trace is not None:
                writer = trace.tb_frame.f_locals.get("log_writer")
                if writer is not None and trace.tb_frame.f_code.co_name == "train":
                    writer.close()
                trace = trace.tb_next
            raise

    return train


def _log_leaks() -> bool:
    """By inspection: True if the writer is closed on the way that succeeds alone."""
    train = _core().train
    return source_has(train, "log_writer.close()") and not source_has(train, "finally:")


def _patch_log_writer(patches: Patches) -> None:
    train = _core().train
    patches.everywhere(train, _closing_log(train))


def _lacks(text: str) -> Any:
    """A probe by inspection: True if the source of `train` does not hold `text`."""
    return lambda: not source_has(_core().train, text)


FIXES = (
    Fix(
        "loss-log",
        "`IndexError: too many indices for array: array is 0-dimensional` at the first log line",
        "train logs `l[0]`, but losses have been 0-D since Paddle 2.5 (A3)",
        "paddleseg 2.8.0 with Paddle >= 2.5",
        _log_bites,
        _patch_log,
    ),
    Fix(
        "flops-int",
        "`TypeError: only 0-dimensional arrays can be converted to Python scalars` when training "
        "is over",
        "paddle.flops calls int() on tensors of shape [1], which numpy >= 2.4 refuses (A6)",
        "every Paddle with numpy >= 2.4",
        _flops_bites,
        _patch_flops,
    ),
    Fix(
        "flops-buffers",
        "after train the model's state_dict has entries total_ops and total_params, which no other "
        "model loads",
        "paddle.flops, called at the end of train, leaves buffers in layers that forward does not "
        "call",
        "every Paddle",
        _buffers_bite,
        _patch_buffers,
    ),
    Fix(
        "closed-log",
        "the last lines of the VisualDL log are missing after a training that failed",
        "train closes its LogWriter only at its end",
        "paddleseg 2.8.0 and 2.10",
        _log_leaks,
        _patch_log_writer,
    ),
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
