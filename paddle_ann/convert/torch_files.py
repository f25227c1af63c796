"""What `torch.save` writes, read without torch: its zip format, and the one before version 1.6.

Both hold a pickle of the object, in which a tensor is a view of a storage, and the storages' bytes
beside it. The arrays returned are views of those bytes.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from paddle_ann import pickles
from paddle_ann.pickle_data import Global, element_count

MAGIC = 0x1950A86A20F9469CFC6C  # the first object of the older format

# Storages by their class. numpy has no bfloat16; it is widened to float32.
_TYPES = {
    "Double": "f8",
    "Float": "f4",
    "Half": "f2",
    "BFloat16": "bfloat16",
    "Long": "i8",
    "Int": "i4",
    "Short": "i2",
    "Char": "i1",
    "Byte": "u1",
    "Bool": "?",
}
_STORAGES: dict[str, None] = {f"torch.{name}Storage": None for name in _TYPES}


def read_zip(data: bytes) -> Any:
    """Read the zip format.

    Raises:
        ValueError: If it is damaged, or holds more than tensors and containers.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        check_members(archive, len(data))
        names = set(archive.namelist())
        (pickled,) = filter(is_pickle, names)
        folder = pickled[: -len("data.pkl")]
        order = "<"
        if folder + "byteorder" in names:
            order = ">" if archive.read(folder + "byteorder") == b"big" else "<"
        known: dict[Any, np.ndarray] = {}

        def find(key: Any, kind: str, count: int) -> np.ndarray:
            if (key, kind) not in known:
                if f"{folder}data/{key}" not in names:
                    raise ValueError(f"the storage {key[:80]!r} is not in it")
                content = archive.read(f"{folder}data/{key}")
                known[key, kind] = as_numbers(content, kind, count, order)
            return known[key, kind]

        calls = {**_STORAGES, **_rebuilders(view)}
        return pickles.load(io.BytesIO(archive.read(pickled)), calls, _storages(find))


def is_pickle(name: str) -> bool:
    """Whether a member of an archive is the pickle of torch's zip format."""
    return name == "data.pkl" or (name.endswith("/data.pkl") and name.count("/") == 1)


def check_members(archive: zipfile.ZipFile, size: int, factor: int = 0) -> None:
    """Raise a ValueError unless an archive's members come out of `size` bytes.

    Args:
        archive: What was opened.
        size: Length of the file.
        factor: How much smaller a member may be by compression; 0: members are stored as they are.
    """
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise ValueError("two of its members have the same name")
    allowed = {zipfile.ZIP_STORED} | ({zipfile.ZIP_DEFLATED} if factor else set())
    if any(member.compress_type not in allowed or member.flag_bits & 1 for member in members):
        raise ValueError("its members are compressed or encrypted, as torch.save never does")
    if sum(member.file_size for member in members) > size * max(factor, 1):
        raise ValueError("its members are larger than the file")


def read_legacy(stream: io.BytesIO, size: int) -> Any:
    """Read the older format, from behind its magic number.

    The bytes of the storages come last, and how long one is, only the pickle says: it is run
    once to find that out, and again to build the tensors.
    """
    if pickles.load(stream) != 1001:
        raise ValueError("it is of an unknown version of torch's older format")
    info = pickles.load(stream)
    order = "<" if not isinstance(info, dict) or info.get("little_endian", True) else ">"
    start = stream.tell()
    described: dict[Any, tuple[str, int]] = {}

    def note(key: Any, kind: str, count: int) -> None:
        if described.setdefault(key, (kind, count)) != (kind, count):
            raise ValueError(f"it describes the storage {key!r} twice")

    pickles.load(stream, {**_STORAGES, **_rebuilders(lambda *_: None)}, _storages(note))
    storages = {}
    for key in pickles.load(stream):
        if key not in described:
            raise ValueError(f"no tensor describes the storage {key!r}")
        kind, count = described[key]
        stored = struct.unpack("<q", stream.read(8))[0]
        length = count * (2 if kind == "bfloat16" else np.dtype(kind).itemsize)
        if stored != count or length > size - stream.tell():
            raise ValueError(f"the storage {key!r} is cut off, or not as long as it should be")
        storages[key] = as_numbers(stream.read(length), kind, count, order)
    stream.seek(start)
    calls = {**_STORAGES, **_rebuilders(view)}
    return pickles.load(stream, calls, _storages(lambda key, kind, count: storages[key]))


def as_numbers(content: bytes, kind: str, count: int, order: str = "<") -> np.ndarray:
    """Interpret bytes as `count` numbers, (count,); exactly so many must be there."""
    dtype = np.dtype(order + ("u2" if kind == "bfloat16" else kind))
    if len(content) != count * dtype.itemsize:
        raise ValueError(f"a storage has {len(content)} bytes, not the {count} numbers it should")
    numbers = np.frombuffer(content, dtype)
    if kind == "bfloat16":
        numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers


def view(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> np.ndarray:
    """Make the tensor that is a part of a storage; as an array, it shares its memory.

    Raises:
        ValueError: If it reaches beyond the storage, or is larger than it.
    """
    if not isinstance(storage, np.ndarray) or not isinstance(offset, int) or offset < 0:
        raise ValueError("it has a tensor that is no part of a storage")
    count = element_count(shape)
    element_count(strides)
    if len(shape) != len(strides) or len(shape) > 32:
        raise ValueError("it has a tensor whose strides are not as many as its lengths")
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides))
    if count > len(storage) or (count and last >= len(storage)):
        raise ValueError(f"it has a tensor {list(shape)} that is larger than its storage")
    if count == 0:
        return np.empty(shape, storage.dtype)
    steps = tuple(step * storage.itemsize if n > 1 else 0 for n, step in zip(shape, strides))
    return as_strided(storage[offset:], shape, steps, writeable=False)


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _size(lengths: Any = ()) -> tuple[int, ...]:
    element_count(lengths)
    return lengths


def _rebuilders(make: Callable[..., Any]) -> Mapping[str, Callable[..., Any]]:
    return {
        "torch._utils._rebuild_tensor": make,
        "torch._utils._rebuild_tensor_v2": make,
        "torch._utils._rebuild_parameter": _parameter,
        "torch.Size": _size,
    }


def _storages(find: Callable[[Any, str, int], Any]) -> Callable[[Any], Any]:
    """Read torch's persistent ids: ("storage", class, key, device, number of elements)."""

    def persistent(key: Any) -> Any:
        if not isinstance(key, tuple) or not 5 <= len(key) <= 6 or key[0] != "storage":
            raise ValueError("it refers to something that is no storage")
        _, kind, name, _, count = key[:5]
        if key[5:] not in ((), (None,)):
            raise ValueError("it has storages that are parts of others, as torch 0.3 wrote them")
        if not isinstance(kind, Global) or kind.name not in _STORAGES:
            raise ValueError("it has a storage of unknown type")
        if not isinstance(name, str) or not isinstance(count, int) or count < 0:
            raise ValueError("it has a storage without name or length")
        return find(name, _TYPES[kind.name[len("torch.") : -len("Storage")]], count)

    return persistent
