"""Checkpoints: files of weights are data, and those of another model are refused."""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import paddle

from paddle_ann.compat.fix import Fix, Patches, module, source_has
from paddle_ann.weights import load_state, require_same_state

# -- no code from a file (D4) ---------------------------------------------------------------------


class _CarefulPaddle:
    """`paddle` as PaddleSeg's modules that load weights see it: with `load_state` for `load`."""

    load = staticmethod(load_state)

    def __getattr__(self, name: str) -> Any:
        return getattr(paddle, name)


_CAREFUL = _CarefulPaddle()
_LOADING = ("paddleseg.utils.utils", "paddleseg.core.export")  # the second in 2.10 alone


class _Trap:
    """Unpickled without care, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def _code_runs() -> bool:
    """Let PaddleSeg's module load a file that makes a folder, and look for the folder."""
    with tempfile.TemporaryDirectory() as root:
        file, proof = Path(root, "trap.pdparams"), Path(root, "ran")
        file.write_bytes(pickle.dumps({"trap": _Trap(proof)}))
        with contextlib.suppress(Exception):
            module("paddleseg.utils.utils").paddle.load(str(file))
        return proof.exists()


def _patch_loading(patches: Patches) -> None:
    module("paddleseg.core")
    for name in _LOADING:
        if name in sys.modules:
            patches.set(sys.modules[name], "paddle", _CAREFUL)


# -- weights that fill the model (C8) -------------------------------------------------------------


@functools.cache
def _whole(original: Any) -> Any:
    @functools.wraps(original)
    def load_entire_model(model: Any, pretrained: str | None) -> None:
        """Load all weights of a model, or none.

        A model that loads its own `pretrained` weights may leave some out (a head for other
        classes).

        Raises:
            ValueError: If there is no path, or the file is not this model's.
            FileNotFoundError: If there is no such file.
        """
        if sys._getframe(1).f_locals.get("self") is model:
            return original(model, pretrained)
        if not pretrained:
            raise ValueError(
                f"model_path is {pretrained!r}: {type(model).__name__} would run with random "
                "weights. Give the .pdparams file of a training."
            )
        utils = module("paddleseg.utils.utils")
        if "://" in pretrained:
            pretrained = str(utils.download_pretrained_model(pretrained))
        if not os.path.isfile(pretrained):
            raise FileNotFoundError(f"The weights {pretrained} do not exist (model_path).")
        state = load_state(pretrained)
        require_same_state(model, state, pretrained, "Use the configuration of that training.")
        model.set_state_dict(state)
        utils.logger.info(f"Loaded all {len(model.state_dict())} entries of {pretrained}.")

    return load_entire_model


def _weights_bite() -> bool:
    load = module("paddleseg.utils.utils").load_entire_model
    return source_has(load, "logger.warning")


def _patch_weights(patches: Patches) -> None:
    original = module("paddleseg.utils.utils").load_entire_model
    patches.everywhere(original, _whole(original))


FIXES = (
    Fix(
        "unsafe-pickle",
        "a file of weights from outside runs any code that is in it, when it is loaded",
        "utils.load_pretrained_model and resume call paddle.load, which unpickles (D4)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _code_runs,
        _patch_loading,
    ),
    Fix(
        "partial-weights",
        "predict and tools/val.py run with random weights, in whole or in part, after a warning in "
        "the log",
        "utils.load_entire_model skips what is missing or has another shape (C8)",
        "paddleseg 2.8.0 and 2.10",
        _weights_bite,
        _patch_weights,
    ),
)
