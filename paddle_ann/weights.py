"""Checkpoint files, read as data: `paddle.load` unpickles, and a pickle can run any code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import IO, Any

import numpy as np

__all__ = ["read_weights"]

# What `paddle.save` writes for a state dict: arrays, their types, and (name, array) pairs.
_ALLOWED = {
    ("builtins", "tuple"),
    ("collections", "OrderedDict"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("_codecs", "encode"),
}


# What the unpickler raises on bytes that are no pickle, or not a whole one.
_DAMAGE = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
)


class _DataUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(
                f"it wants to run {module}.{name}, which no file of weights needs"
            )
        return super().find_class(module, name)


def read_weights(path: str | Path) -> dict[str, Any]:
    """Reads a `.pdparams` or `.pdopt` file without running anything that it contains.

    Args:
        path: A state dict as `paddle.save` writes it.

    Returns:
        Arrays by parameter name; of an optimizer also the state of its schedule.

    Raises:
        ValueError: The file is truncated, is no state dict, or asks for code to be run.
    """
    with open(path, "rb") as file:
        state = _unpickle(file, path)
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a dictionary of weights.")
    state.pop("StructuredToParameterName@@", None)
    return {name: value[1] if _is_named(value) else value for name, value in state.items()}


def _is_named(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], np.ndarray)


def _unpickle(file: IO[bytes], path: str | Path) -> Any:
    try:
        return _DataUnpickler(file, encoding="latin1").load()
    except _DAMAGE as error:
        raise ValueError(
            f"{path} cannot be read as weights: {error}. It is damaged, cut off, or no file of "
            "weights; take another checkpoint."
        ) from None
