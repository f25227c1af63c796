"""Paddle Inference as PaddleSeg's deploy/python/infer.py sets it up."""

from __future__ import annotations

import functools
from typing import Any

import paddle
from paddle import inference

from paddle_ann.compat.fix import Fix, Patches


def with_new_executor(original: Any) -> Any:
    """Wrap `Config.enable_memory_optim` to choose the executor that it works with."""

    @functools.wraps(original)
    def enable_memory_optim(self: Any, x: bool = True) -> None:
        original(self, x)
        if x:
            self.enable_new_executor()

    return enable_memory_optim


def _bites() -> bool:
    return int(paddle.__version__.split(".")[0] or 0) >= 3


def _patch(patches: Patches) -> None:
    original = inference.Config.enable_memory_optim
    patches.set(inference.Config, "enable_memory_optim", with_new_executor(original))


FIXES = (
    Fix(
        "inference-memory",
        "deploy/python/infer.py: `(InvalidArgument) Not find predictor_id 0 and pass_name "
        "memory_optimize_pass`",
        "Paddle Inference looks for the result of a pass that the graphs of Paddle 3 do not go "
        "through (Paddle #75496); with the new executor it does not look",
        "paddlepaddle 3.0 to 3.3.1",
        _bites,
        _patch,
    ),
)
