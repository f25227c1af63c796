"""PaddleSeg's look at the machine, which its tools start with, and its log lines."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
import time
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


def log(level: int = 2, message: Any = "") -> None:
    """Print a log line as it is; what the terminal cannot show, by its number.

    Args:
        level: 0 error, 1 warning, 2 info, 3 debug.
        message: the line.
    """
    logger = module("paddleseg.utils.logger")
    if paddle.distributed.ParallelEnv().local_rank != 0 or logger.log_level < level:
        return
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} [{logger.levels[level]}]\t{message}"
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def _log_bites() -> bool:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        module("paddleseg.utils.logger").log(0, "道路")
    return "道路" not in printed.getvalue()


def _patch_log(patches: Patches) -> None:
    patches.set(module("paddleseg.utils.logger"), "log", log)


FIXES = (
    Fix(
        "log-text",
        "log lines with Chinese names (of files, of classes) are unreadable: `é\x81\x93è·¯` for "
        "`道路`; a file name that is no UTF-8 ends the program with `UnicodeEncodeError`",
        "logger.log encodes each line as UTF-8 and decodes it as Latin-1",
        "paddleseg 2.8.0",
        _log_bites,
        _patch_log,
    ),
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
