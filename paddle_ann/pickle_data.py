"""What a pickle may build: containers, texts, bytes, numbers, numpy's arrays and their types.

Each function stands for a global of that name, checks what a file gives it, and builds the thing.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_KEYS = (str, int, float, bytes, type(None))  # hashing nested tuples can overflow the C stack


class Global:
    """A name from the table of those that a file may ask for, and what stands for it here."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., Any] | None) -> None:
        self.name, self.call = name, call


Calls = Mapping[str, "Callable[..., Any] | None"]  # None: a name that cannot be called


def expect(value: Any, kind: type) -> Any:
    """Return the value, or raise a ValueError if it is of another kind."""
    if not isinstance(value, kind):
        raise ValueError(f"its pickle is damaged (a {type(value).__name__} for a {kind.__name__})")
    return value


def key_of(value: Any) -> Any:
    """Return the value, or raise a ValueError if it is no key that weights or settings have."""
    if not isinstance(value, _KEYS):
        raise ValueError(f"it has a {type(value).__name__} as a key")
    return value


def fill(target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    """Add keys and values, one behind the other, to a dictionary, and return it."""
    if len(items) % 2:
        raise IndexError
    for key, value in zip(items[::2], items[1::2]):
        target[key_of(key)] = value
    return target


def _mapping(items: Any = ()) -> dict[Any, Any]:
    if isinstance(items, dict):
        return collections.OrderedDict(items)
    pairs = [expect(list(pair) if isinstance(pair, tuple) else pair, list) for pair in items]
    return fill(collections.OrderedDict(), [part for pair in pairs for part in pair])


def _sequence(make: type) -> Callable[..., Any]:
    def build(items: Any = ()) -> Any:
        if not isinstance(items, (list, tuple)):
            raise ValueError(f"it makes a {make.__name__} of a {type(items).__name__}")
        return make(map(key_of, items)) if make in (set, frozenset) else make(items)

    return build


def _encode(text: Any, encoding: Any) -> bytes:
    """Undo how protocol 2 writes bytes: as text in Latin 1."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError("it encodes a text other than in Latin 1")
    return bytes(expect(text, str), "latin-1")


class ArrayType:
    """A numpy type that can still be given its byte order, which a pickle tells afterwards."""

    __slots__ = ("dtype",)

    def __init__(self, name: Any, *_: Any) -> None:
        if not re.fullmatch(r"[<>|=]?([biufc]\d{1,2}|\?|[SU][1-9]\d{0,3})", expect(name, str)):
            raise ValueError(f"it has arrays of type {name[:20]!r}, which are no numbers")
        self.dtype = np.dtype(name)

    def set_order(self, state: tuple[Any, ...]) -> None:
        """Take the state that numpy pickles of a plain type: version, byte order, no fields."""
        if len(state) != 8 or state[1] not in ("<", ">", "|", "=") or state[2:5] != (None,) * 3:
            raise ValueError("it has arrays of a type that is no plain number")
        self.dtype = self.dtype.newbyteorder(state[1])


def _empty_array(kind: Any, *_: Any) -> np.ndarray:
    if not isinstance(kind, Global) or kind.name != "numpy.ndarray":
        raise ValueError("it has arrays of a class of its own")
    return np.empty(0, np.uint8)


def set_array(array: np.ndarray, *state: Any) -> None:
    """Give an array that `_empty_array` made its shape, type and data, in place."""
    _, shape, kind, fortran, data = state
    content = _bytes_of(data, kind, element_count(shape))
    array.__setstate__((1, shape, kind.dtype, bool(fortran), content))


def _from_buffer(data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray:
    """Build an array as protocol 5 has it."""
    content = _bytes_of(data, kind, element_count(shape))
    return np.frombuffer(content, kind.dtype).reshape(shape, order="F" if order == "F" else "C")


def _scalar(kind: Any, data: Any) -> Any:
    return np.frombuffer(_bytes_of(data, kind, 1), kind.dtype)[0]


def _bytes_of(data: Any, kind: Any, count: int) -> bytes:
    """Return the bytes of `count` elements; exactly so many must be there."""
    if isinstance(data, str):  # as Python 2 wrote them
        data = data.encode("latin-1")
    if len(data) != count * expect(kind, ArrayType).dtype.itemsize:
        raise ValueError("it has an array whose data are not as long as its shape says")
    return bytes(data)


def element_count(shape: Any) -> int:
    """Multiply the lengths of a shape, which may be anything, without overflow."""
    count = 1
    for length in expect(shape, tuple):
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise ValueError("it has a shape that is no tuple of lengths")
        count *= length
    return count


CALLS: dict[str, Callable[..., Any] | None] = {
    "collections.OrderedDict": _mapping,
    "collections.Counter": _mapping,
    **{
        f"{module}.{make.__name__}": _sequence(make)
        for module in ("builtins", "__builtin__")
        for make in (tuple, list, set, frozenset, bytes)
    },
    "_codecs.encode": _encode,
    "numpy.ndarray": None,
    "numpy.dtype": ArrayType,
    **{
        f"numpy.{module}.multiarray.{name}": call
        for module in ("core", "_core")
        for name, call in (("_reconstruct", _empty_array), ("scalar", _scalar))
    },
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.numeric._frombuffer": _from_buffer,
}
