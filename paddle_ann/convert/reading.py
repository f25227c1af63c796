"""Files of weights from outside, read as data: nothing that a file contains is ever run."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from paddle_ann import pickles
from paddle_ann.convert.array_files import read_npz, read_safetensors
from paddle_ann.convert.torch_files import MAGIC, is_pickle, read_legacy, read_zip
from paddle_ann.weights import read_weights

# Under which a training script keeps the state dict beside other things.
_STATE_KEYS = ("state_dict", "model", "model_state_dict", "net", "network")
# What people give by mistake, by its first bytes.
_OTHERS = {
    b"BZh": "a bzip2 archive; unpack it first",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"\xfd7zXZ": "an xz archive; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"<": "a web page; the download went wrong",
    b"version https://git-lfs": "a pointer of Git LFS; run `git lfs pull`",
    b"\x89HDF": "an HDF5 file, which is not read here",
}


def read_state(path: str | Path, trust: bool = False) -> dict[str, np.ndarray]:
    """Read the state dict of a `.pth`, `.npz`, `.safetensors` or `.pdparams` file.

    The format is found by the first bytes. Of a checkpoint with other things beside the weights
    (`state_dict`, `model`, ...) the weights are taken. Memory stays within a few times the size of
    the file, whatever it says (64 times for a compressed `.npz`).

    Args:
        path: The file; a `.pth` of any version of torch, of the zip format or the older one.
        trust: Read it by `torch.load`, which runs any code that is in it.

    Returns:
        Arrays by name; bfloat16 as float32.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or holds anything but tensors, numbers, texts and containers,
            with the global that it asks for.
        ImportError: If `trust` is given, and torch is not installed.
    """
    path = Path(path)
    if not os.path.isfile(path):  # nor where the system refuses the path
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise FileNotFoundError(f"The file of weights {path} {what}.")
    if path.suffix == ".pdparams":
        return state_of(read_weights(path), path)
    data = path.read_bytes()
    try:
        reader = read_safetensors if path.suffix == ".safetensors" else _reader(data)
        if trust and reader in (read_zip, read_pickle):
            return state_of(_load_by_torch(path), path)
        content = reader(data)
    except ImportError:
        raise
    except Exception as error:  # damaged bytes can make zipfile, json and numpy raise anything
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"{path} cannot be read as weights: {reason}. Nothing in it was run. Take another "
            "file; if you are sure of where it comes from, --trust (trust=True) reads a .pth by "
            "torch.load."
        ) from None
    return state_of(content, path)


def _reader(data: bytes) -> Callable[[bytes], Any]:
    """Find the format by the content."""
    if data[5:9] == b"\0\0\0{":  # behind the length of the header, less than 2**40
        return read_safetensors
    for start, what in _OTHERS.items():
        if data.startswith(start):
            raise ValueError(f"it is {what}")
    if not data.startswith(b"PK\x03\x04"):
        return read_pickle
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
    if sum(map(is_pickle, names)) == 1:
        return read_zip
    if names and all(name.endswith(".npy") for name in names):
        return read_npz
    raise ValueError("it is a zip archive without torch's data.pkl and without numpy's arrays")


def read_pickle(data: bytes) -> Any:
    """Read torch's older format, or a plain pickle of arrays."""
    stream = io.BytesIO(data)
    content = pickles.load(stream)
    return read_legacy(stream, len(data)) if content == MAGIC else content


def _load_by_torch(path: Path) -> Any:
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"To trust {path} is to have torch.load run it: install torch."
        ) from error
    return torch.load(path, map_location="cpu", weights_only=False)


def state_of(content: Any, path: Path) -> dict[str, np.ndarray]:
    """Take the state dict out of what a file holds.

    Raises:
        ValueError: If there is none.
    """
    for key in _STATE_KEYS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict):
        state_dict = getattr(content, "state_dict", None)  # a whole module, by torch.load
        if state_dict is None:
            kind = type(content).__name__
            raise ValueError(f"{path} holds a {kind}, not a dictionary of weights.")
        content = state_dict()
    state = {}
    for name, value in content.items():
        array = _as_array(value)
        if not isinstance(name, str) or array is None:
            raise ValueError(
                f"{path} holds no state dict: its entry {str(name)[:80]!r} is a "
                f"{type(value).__name__}, not a tensor."
            )
        state[name] = array
    return state


def _as_array(value: Any) -> np.ndarray | None:
    if isinstance(value, (np.ndarray, np.number)):
        return np.asarray(value)
    if not hasattr(value, "detach"):
        return None
    value = value.detach().cpu()
    return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
