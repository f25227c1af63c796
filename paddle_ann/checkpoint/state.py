"""The state of a training as a JSON file: exact, readable by people, and never run."""

from __future__ import annotations

import base64
import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

STATE_FILE = "training_state.json"
FORMAT = 1

# JSON has no arrays of numbers with a type, and no infinity: these stand as objects whose only or
# first key begins with a dollar. A dictionary of the user's with such a key is a list of pairs.
_ARRAY, _FLOAT, _PAIRS = "$array", "$float", "$dict"
_KINDS = "biufcSU"  # booleans, numbers, texts of fixed length


def save_state(folder: str | Path, state: dict[str, Any]) -> Path:
    """Write a nested state to `training_state.json` in a folder.

    Dictionaries, lists, texts, integers, booleans, None, floats (to the last bit, infinities and
    the payload of a NaN included) and numpy arrays come back as they were; a tuple comes back as a
    list, a numpy number as Python's own.

    Args:
        folder: An existing folder, such as the one that `CheckpointStore.save` hands out.
        state: By name; arrays of booleans, numbers or texts.

    Returns:
        The file.

    Raises:
        TypeError: If there is something else in it; with its place.
    """
    return write_json(Path(folder) / STATE_FILE, state)


def load_state_file(folder: str | Path) -> dict[str, Any]:
    """Read what `save_state` wrote.

    Args:
        folder: The checkpoint.

    Raises:
        FileNotFoundError: If the folder has no such file.
        ValueError: If it is damaged, or of another format; with its path.
    """
    return read_json(Path(folder) / STATE_FILE)


def write_json(path: Path, state: dict[str, Any]) -> Path:
    """Write a nested state to a file; see `save_state`."""
    content = {"format": FORMAT, "state": _encode(state, "state")}
    path.write_text(json.dumps(content, allow_nan=False, indent=1) + "\n", encoding="ascii")
    return path


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote; see `load_state_file`."""
    try:
        content = json.loads(path.read_text(encoding="ascii"))
        if not isinstance(content, dict) or content.keys() != {"format", "state"}:
            raise ValueError("it is no state of a training")
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}; this version reads {FORMAT}")
        state = _decode(content["state"])
        if not isinstance(state, dict):
            raise ValueError("its state is no dictionary")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} cannot be read: {error}. It is damaged or cut off; take another checkpoint."
        ) from None
    return state


def _encode(value: Any, place: str) -> Any:
    if isinstance(value, np.generic):
        value = _plain(value, place)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_FLOAT: struct.pack(">d", value).hex()}
    if isinstance(value, (list, tuple)):
        return [_encode(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {_ARRAY: value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, dict):
        return _encode_dict(value, place)
    raise TypeError(
        f"{place} is a {_describe(value)}; a training state holds dictionaries, lists, texts, "
        "numbers, None, and numpy arrays of numbers or texts."
    )


def _plain(value: np.generic, place: str) -> Any:
    """Turn a numpy number into Python's own of the same value."""
    plain = value.item()
    if isinstance(plain, np.generic) or not isinstance(plain, (bool, int, float, str)):
        raise TypeError(f"{place} is a {type(value).__name__}; put it into an array.")
    return plain


def _describe(value: Any) -> str:
    kind = type(value).__name__
    return f"{kind} of {value.dtype}" if isinstance(value, np.ndarray) else kind


def _encode_dict(value: dict[Any, Any], place: str) -> Any:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{place} has the key {key!r}; keys must be texts.")
    encoded = {str(key): _encode(item, f"{place}.{key}") for key, item in value.items()}
    if any(key.startswith("$") for key in encoded):
        return {_PAIRS: [[key, item] for key, item in encoded.items()]}
    return encoded


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _FLOAT in value:
        return _decode_float(value)
    if _ARRAY in value:
        return _decode_array(value)
    if _PAIRS in value:
        return {key: _decode(item) for key, item in _as_pairs(value[_PAIRS])}
    return {key: _decode(item) for key, item in value.items()}


def _decode_float(value: dict[str, Any]) -> float:
    text = value[_FLOAT]
    raw = bytes.fromhex(text) if isinstance(text, str) else b""
    if len(raw) != 8:
        raise ValueError(f"{text!r} is no number")
    return float(struct.unpack(">d", raw)[0])


def _decode_array(value: dict[str, Any]) -> np.ndarray:
    try:
        dtype = np.dtype(value[_ARRAY])
        if dtype.kind not in _KINDS:
            raise ValueError(f"no arrays of {dtype}")
        data = bytearray(base64.b64decode(value["data"], validate=True))  # writable, unlike bytes
        flat = np.frombuffer(data, dtype) if data else np.zeros(0, dtype)
        if any(type(length) is not int or length < 0 for length in value["shape"]):
            raise ValueError(f"no array has the shape {value['shape']}")
        return flat.reshape(value["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"an array in it is damaged ({error})") from None


def _as_pairs(pairs: Any) -> list[tuple[str, Any]]:
    if not isinstance(pairs, list) or any(
        not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str)
        for pair in pairs
    ):
        raise ValueError("a dictionary in it is damaged")
    return [(key, item) for key, item in pairs]
