"""Checkpoint files, read as data: `paddle.load` unpickles, and a pickle can run any code."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
import paddle

from paddle_ann import pickles
from paddle_ann.state_table import NAME_TABLE, require_same_state

__all__ = ["NAME_TABLE", "load_state", "read_weights", "require_same_state"]

_WITHOUT_PICKLE = (".safetensors", ".npz")


def read_weights(path: str | Path) -> dict[str, Any]:
    """Reads a `.pdparams` or `.pdopt` file without running anything that it contains.

    Args:
        path: A state dict as `paddle.save` writes it, or a `.safetensors` or `.npz` file.

    Returns:
        Arrays by parameter name; of an optimizer also the state of its schedule.

    Raises:
        ValueError: The file is truncated, is no state dict, or asks for code to be run.
    """
    if Path(path).suffix in _WITHOUT_PICKLE:
        from paddle_ann.convert.reading import read_state  # which reads .pdparams by this module

        return dict(read_state(path))
    with open(path, "rb") as file:
        state = _unpickle(file, path)
        _check(state, os.fstat(file.fileno()).st_size, path)
    state.pop(NAME_TABLE, None)
    return {name: value[1] if _is_named(value) else value for name, value in state.items()}


def _is_named(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], np.ndarray)


def _unpickle(file: IO[bytes], path: str | Path) -> Any:
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content[:4] == b"PK\x03\x04":
                raise ValueError("it is a zip archive, such as torch writes (tools/convert.py)")
            return pickles.load(content)
    except Exception as error:  # bytes that are no pickle can raise anything
        raise _unreadable(path, error) from None


def _unreadable(path: str | Path, reason: Any) -> ValueError:
    return ValueError(
        f"{path} cannot be read as weights: {str(reason) or type(reason).__name__}. It is damaged, "
        "cut off, or no file of weights; take another checkpoint."
    )


def _check(state: Any, size: int, path: str | Path) -> None:
    """Raises a ValueError unless it is a dictionary by name whose arrays came out of the file."""
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a dictionary of weights.")
    for name in state:
        if not isinstance(name, str):
            raise _unreadable(path, f"it has an entry {name!r}, which is no name")
    # A shape alone makes numpy allocate, as much as the file says.
    if sum(array.nbytes for array in _arrays(state)) > size:
        raise _unreadable(path, "its arrays are larger than the file")


def _arrays(state: Any) -> list[np.ndarray]:
    """All arrays in nested containers, each once."""
    seen: dict[int, Any] = {}
    found, waiting = [], [state]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value
    return found


def load_state(path: str | Path, **options: Any) -> Any:
    """Load a state dict by `paddle.load`, once it is known that the file runs no code.

    Args:
        path: A `.pdparams` or `.pdopt` file as `paddle.save` writes it, or a `.safetensors` or
            `.npz` file of the same names.
        **options: Those of `paddle.load`.

    Returns:
        What `paddle.load` returns: tensors by name; of an optimizer also its schedule's state.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is a folder, is damaged, or asks for code to be run.
    """
    if os.path.isdir(path):
        raise ValueError(f"{path} is a folder; give the file in it, such as model.pdparams.")
    state = read_weights(path)
    if Path(path).suffix in _WITHOUT_PICKLE:
        return {
            name: paddle.to_tensor(np.array(a, a.dtype.newbyteorder("="), order="C"))
            for name, a in state.items()
        }
    try:
        return paddle.load(str(path), **options)
    except Exception as error:  # arrays of texts, names without entries: a pickle, but no weights
        raise _unreadable(path, error) from error
