"""Writing weights: a whole file or none, and never over one that was there."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from paddle_ann.convert.array_files import to_safetensors
from paddle_ann.paths import check_file

FORMATS = (".pdparams", ".safetensors", ".npz", ".pth")


def save_state(arrays: Mapping[str, Any], path: str | Path) -> None:
    """Write a state dict; the format is that of the file's ending.

    Args:
        arrays: Arrays or Paddle's tensors by name.
        path: A new `.pdparams`, `.safetensors`, `.npz`, or (with torch installed) `.pth` file.

    Raises:
        ValueError: If the ending is another.
        FileExistsError: If there is a file already.
        ImportError: If torch is needed and not installed.
    """
    path = Path(path)
    check_output(path)
    arrays = {name: _to_array(value) for name, value in arrays.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _WRITERS[path.suffix](arrays, draft)
        os.link(draft, path)  # fails where a file came up meanwhile
    finally:
        draft.unlink(missing_ok=True)


def check_output(path: Path) -> None:
    """Raise unless `save_state` can write this file."""
    if path.suffix not in FORMATS:
        raise ValueError(f"The output must end in {', '.join(FORMATS)}; received {path}.")
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists, and nothing is overwritten; give another output.")
    check_file(path, "The output")


def _to_array(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else np.asarray(value.numpy())


def _write_pdparams(arrays: Mapping[str, np.ndarray], draft: Path) -> None:
    with open(draft, "wb") as file:
        pickle.dump(dict(arrays), file, protocol=4)


def _write_safetensors(arrays: Mapping[str, np.ndarray], draft: Path) -> None:
    draft.write_bytes(to_safetensors(arrays))


def _write_npz(arrays: Mapping[str, np.ndarray], draft: Path) -> None:
    with open(draft, "wb") as file:
        np.savez(file, **arrays)


def _write_pth(arrays: Mapping[str, np.ndarray], draft: Path) -> None:
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Only torch writes .pth: install it, or write .safetensors or .npz."
        ) from error
    torch.save({name: torch.tensor(array) for name, array in arrays.items()}, draft)


_WRITERS = {
    ".pdparams": _write_pdparams,
    ".safetensors": _write_safetensors,
    ".npz": _write_npz,
    ".pth": _write_pth,
}
