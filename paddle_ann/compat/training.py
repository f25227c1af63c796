"""What runs inside `train`: its log line, its count of operations, its log file."""

from __future__ import annotations

import builtins
import contextlib
import functools
import io
import warnings
from typing import Any

import paddle

from paddle_ann.compat.fix import Fix, Patches, module, source_has


def _core() -> Any:
    return module("paddleseg.core.train")


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
)
