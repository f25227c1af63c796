"""`.npz` and `.safetensors`, read and, the latter, written.

The `safetensors` library is not used: its numpy interface cannot read bfloat16, in which many
files come, and the format is a length, a JSON table and the bytes; the tests compare with it.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from paddle_ann.convert.torch_files import as_numbers, check_members
from paddle_ann.pickle_data import element_count

_TYPES = {
    "F64": "f8",
    "F32": "f4",
    "F16": "f2",
    "BF16": "bfloat16",
    "I64": "i8",
    "I32": "i4",
    "I16": "i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
_CODES = {kind: code for code, kind in _TYPES.items()}
_COMPRESSION = 64  # weights hardly compress; beyond this a file is a trap
_LONGEST_HEADER = 16_000_000  # 100,000 tensors; the library's 100 MB are 2 GB of lists as JSON


def read_npz(data: bytes) -> dict[str, np.ndarray]:
    """Read an archive of `numpy.savez`, compressed or not.

    Raises:
        ValueError: If it is damaged, holds other than numbers, or would be far larger in memory.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        check_members(archive, len(data), _COMPRESSION)
        names = archive.namelist()
        return {name.removesuffix(".npy"): read_npy(archive.read(name)) for name in names}


def read_npy(data: bytes) -> np.ndarray:
    """Read an array of numbers as `numpy.save` writes it."""
    stream = io.BytesIO(data)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(stream)
    if version not in readers:
        raise ValueError(f"it has an array of numpy's format {version}")
    shape, fortran, dtype = readers[version](stream)
    if dtype.kind not in "biuf":
        raise ValueError(f"it has an array of type {dtype}, which are no numbers")
    content = data[stream.tell() :]
    if len(content) != element_count(shape) * dtype.itemsize:
        raise ValueError("it has an array whose data are not as long as its shape says")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """Read a `.safetensors` file.

    Raises:
        ValueError: If it is damaged: the tensors must cover the data without gap and overlap.
    """
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise ValueError(f"its header should have {length} bytes, the file has {len(data)}")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes, more than {_LONGEST_HEADER}")
    header = json.loads(data[8 : 8 + length].decode("utf-8"), object_pairs_hook=_unique)
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    header.pop("__metadata__", None)
    content = memoryview(data)[8 + length :]
    arrays, places = {}, [(0, 0)]
    for name, entry in header.items():
        kind, shape, (start, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        if kind not in _TYPES:
            raise ValueError(f"{name} is of type {kind!r}; {', '.join(_TYPES)} can be read")
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start <= end:
            raise ValueError(f"{name} has no place in the file")
        places.append((start, end))
        numbers = as_numbers(content[start:end], _TYPES[kind], element_count(shape))
        arrays[name] = numbers.reshape(shape)
    places.sort()
    if any(a[1] != b[0] for a, b in zip(places, places[1:])) or places[-1][1] != len(content):
        raise ValueError("its tensors overlap, or leave bytes of the file unused")
    return arrays


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("its header has the same name twice")
    return table


def to_safetensors(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Write arrays in the format of `.safetensors`, the widest types first, as the library does.

    Raises:
        ValueError: If there is an array of a type that the format does not have.
    """
    table: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    chunks, place = [], 0
    for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
        array = np.ascontiguousarray(arrays[name])
        kind = array.dtype.str[1:] if array.dtype != np.bool_ else "?"
        if kind not in _CODES:
            raise ValueError(f"{name} is of type {array.dtype}, which .safetensors does not have.")
        content = array.astype(array.dtype.newbyteorder("<")).tobytes()
        offsets = [place, place + len(content)]
        shape = list(arrays[name].shape)
        table[name] = {"dtype": _CODES[kind], "shape": shape, "data_offsets": offsets}
        chunks.append(content)
        place += len(content)
    header = json.dumps(table).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + b"".join(chunks)
