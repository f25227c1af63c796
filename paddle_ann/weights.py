"""Checkpoint files, read as data: `paddle.load` unpickles, and a pickle can run any code."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
import paddle

from paddle_ann import pickles

__all__ = ["NAME_TABLE", "compare_state", "load_state", "read_weights", "require_same_state"]

NAME_TABLE = "StructuredToParameterName@@"  # Paddle's own entry in the state dict of a layer


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
        _check(state, os.fstat(file.fileno()).st_size, path)
    state.pop(NAME_TABLE, None)
    return {name: value[1] if _is_named(value) else value for name, value in state.items()}


def _is_named(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], np.ndarray)


def _unpickle(file: IO[bytes], path: str | Path) -> Any:
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
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
        path: A `.pdparams` or `.pdopt` file as `paddle.save` writes it.
        **options: Those of `paddle.load`.

    Returns:
        What `paddle.load` returns: tensors by name; of an optimizer also its schedule's state.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is a folder, is damaged, or asks for code to be run.
    """
    if os.path.isdir(path):
        raise ValueError(f"{path} is a folder; give the file in it, such as model.pdparams.")
    read_weights(path)
    try:
        return paddle.load(str(path), **options)
    except Exception as error:  # arrays of texts, names without entries: a pickle, but no weights
        raise _unreadable(path, error) from error


def compare_state(model: Any, state: dict[str, Any]) -> tuple[list[str], int]:
    """Compare a model's parameters and buffers with a loaded state dict.

    Returns:
        One line for every missing or misshapen entry, and how many entries of the state the model
        has no use for.
    """
    own = model.state_dict()
    lines = []
    for key, value in own.items():
        if key not in state:
            lines.append(f"  {key}: missing in the file, {list(value.shape)} in the model")
        elif _shape(state[key]) != list(value.shape):
            lines.append(
                f"  {key}: {_shape(state[key])} in the file, {list(value.shape)} in the model"
            )
    return lines, len(set(state) - set(own) - {NAME_TABLE})


def _shape(value: Any) -> Any:
    shape = getattr(value, "shape", None)
    return f"a {type(value).__name__}" if shape is None else list(shape)


def require_same_state(model: Any, state: dict[str, Any], path: str, next_step: str) -> None:
    """Refuse a state dict that does not fill the whole model.

    Raises:
        ValueError: With a table of the entries that differ.
    """
    lines, unused = compare_state(model, state)
    if not lines:
        return
    shown = lines[:20] + ([f"  ... and {len(lines) - 20} more"] if len(lines) > 20 else [])
    raise ValueError(
        f"The weights in {path} are not those of this {type(model).__name__}: {len(lines)} of "
        f"{len(model.state_dict())} entries are missing or have another shape, {unused} entries of "
        "the file are not used.\n" + "\n".join(shown) + f"\n{next_step}"
    )
