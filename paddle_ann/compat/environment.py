"""PaddleSeg's look at the machine, which its tools start with."""

from __future__ import annotations

import functools
from typing import Any

import paddle

from paddle_ann.compat.fix import Fix, Patches, module


@functools.cache
def without_cudnn(original: Any) -> Any:
    """Wrap `get_sys_env` so that a missing cuDNN is reported and not divided by."""

    @functools.wraps(original)
    def get_sys_env() -> dict[str, Any]:
        version = paddle.get_cudnn_version
        if not _missing():
            return dict(original())
        paddle.get_cudnn_version = lambda: 0
        try:
            return {**original(), "cudnn": "not found"}
        finally:
            paddle.get_cudnn_version = version

    return get_sys_env


def _missing() -> bool:
    """True without cuDNN: Paddle answers None when it is asked first, and -1 after that."""
    version = paddle.get_cudnn_version()
    return version is None or version < 0


def _bites() -> bool:
    return bool(paddle.is_compiled_with_cuda()) and _missing()


def _patch(patches: Patches) -> None:
    original = module("paddleseg.utils.env.sys_env").get_sys_env
    patches.everywhere(original, without_cudnn(original))


FIXES = (
    Fix(
        "missing-cudnn",
        "a GPU build of Paddle without cuDNN: every tool of PaddleSeg's dies at its start with "
        "`TypeError: unsupported operand type(s) for //: 'NoneType' and 'int'`",
        "get_sys_env computes with paddle.get_cudnn_version(), which is None there",
        "paddleseg 2.8.0 and 2.10 with paddlepaddle-gpu",
        _bites,
        _patch,
    ),
)
