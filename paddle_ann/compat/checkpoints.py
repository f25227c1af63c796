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

from paddle_ann.compat.downloads import note_checksum
from paddle_ann.compat.fix import Fix, Patches, module, source_has
from paddle_ann.pretrained import Loaded, load_all, load_pretrained
from paddle_ann.state_table import table
from paddle_ann.weights import load_state

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


# -- weights that fit the model (C8) --------------------------------------------------------------


@functools.cache
def _entire(original: Any) -> Any:
    @functools.wraps(original)
    def load_entire_model(model: Any, pretrained: str | None) -> None:
        """Load all weights of a model from a file that has no others.

        For the weights that a model loads when it is built, `pretrained`, see
        `load_pretrained_model`.

        Raises:
            ValueError: If there is no path, or the file is not this model's.
            FileNotFoundError: If there is no such file.
        """
        utils = module("paddleseg.utils.utils")
        if sys._getframe(1).f_locals.get("self") is model:
            return utils.load_pretrained_model(model, pretrained)
        if not pretrained:
            raise ValueError(
                f"model_path is {pretrained!r}: {type(model).__name__} would run with random "
                "weights. Give the .pdparams file of a training."
            )
        path = _file(pretrained, "model_path")
        _report(load_all(model, load_state(path), path), model, path)

    return load_entire_model


@functools.cache
def _pretrained(original: Any) -> Any:
    @functools.wraps(original)
    def load_pretrained_model(model: Any, pretrained_model: str | None) -> None:
        """Load the weights that a training starts from; a classifier for other classes stays.

        Raises:
            ValueError: If anything else is missing in the file, or has another shape.
            FileNotFoundError: If there is no such file.
        """
        if pretrained_model is None:
            return original(model, None)  # says that it starts from scratch
        path = _file(pretrained_model, "pretrained")
        _report(load_pretrained(model, load_state(path), path), model, path)

    return load_pretrained_model


def _file(path: str, name: str) -> str:
    """Return the path of a file of weights, fetched where it is a URL and that is allowed."""
    path = str(path)
    if "://" in path:
        url = note_checksum(path)
        path = str(module("paddleseg.utils.utils").download_pretrained_model(url))
    if not os.path.exists(path):
        raise FileNotFoundError(f"The weights {path} do not exist ({name}).")
    return path


def _report(loaded: Loaded, model: Any, path: str) -> None:
    """Say what was loaded and, as a table, what was not."""
    logger = module("paddleseg.utils.logger")
    total = len(model.state_dict())
    logger.info(f"Loaded {loaded.filled} of {total} entries of {type(model).__name__} from {path}.")
    if loaded.classifier:
        logger.warning(
            "The classifier in the file is for another number of classes. It was left out and "
            f"starts from random weights:\n{table(loaded.classifier)}"
        )
    if loaded.unused:
        logger.info(f"Entries of the file without a place here:\n{table(loaded.unused)}")
    if loaded.wrong:
        logger.warning(f"Not loaded, as was asked for (not strict):\n{table(loaded.wrong)}")


def _weights_bite() -> bool:
    load = module("paddleseg.utils.utils").load_entire_model
    return source_has(load, "logger.warning")


def _patch_weights(patches: Patches) -> None:
    utils = module("paddleseg.utils.utils")
    patches.everywhere(utils.load_entire_model, _entire(utils.load_entire_model))
    patches.everywhere(utils.load_pretrained_model, _pretrained(utils.load_pretrained_model))


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
        "predict, tools/val.py and trainings from `pretrained` run with random weights, in whole "
        "or in part, after a warning in the log",
        "utils.load_pretrained_model skips what is missing or has another shape (C8)",
        "paddleseg 2.8.0 and 2.10",
        _weights_bite,
        _patch_weights,
    ),
)
