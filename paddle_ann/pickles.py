"""A pickle machine that builds numbers, texts, containers and numpy arrays, and nothing else.

A pickle is a program: it names functions of any module and has them called, sets attributes, and
says how much memory it wants. Python's own unpickler obeys; its `find_class` can be restricted, but
not what a global's attributes are set to, nor a memo index that makes it allocate 32 GB. Here
`pickletools` decodes the opcodes, whose lengths it compares with what is left of the stream, and
this module does only what is in its tables. No function of the file's choice is ever looked up.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_ann.pickle_data import CALLS, ArrayType, Calls, Global, expect, fill, key_of, set_array

LIMIT = 2_000_000  # opcodes: far more than any checkpoint has, and some 400 MB at the very worst


def load(stream: Any, calls: Calls | None = None, persistent: Any = None) -> Any:
    """Run one pickle.

    Args:
        stream: A BytesIO or mmap (no file, which would allocate whatever length it is asked for);
            it is left behind the pickle.
        calls: What may be asked for beyond `CALLS`, by "module.name".
        persistent: Maps a persistent id to an object; None refuses them.

    Returns:
        What the pickle describes.

    Raises:
        ValueError: If it is damaged or wants anything else.
    """
    machine = _Machine({**CALLS, **(calls or {})}, persistent)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= LIMIT:
                raise ValueError(f"it has more than {LIMIT} instructions")
            machine.step(opcode.name, argument)
        return machine.stack.pop()
    except IndexError:
        raise ValueError("its pickle is damaged (it takes more than is there)") from None
    except (TypeError, OverflowError, MemoryError, RecursionError, AttributeError) as error:
        raise ValueError(f"its pickle is damaged ({error})") from None


class _Machine:
    """Stack, marks and memo; one method for each kind of opcode."""

    def __init__(self, calls: Calls, persistent: Any) -> None:
        self.calls, self.persistent = calls, persistent
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each mark
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Execute one instruction."""
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _ARGUMENTS:
            self.stack.append(argument)
        elif name in _MAKERS:
            self.stack.append(_MAKERS[name]())
        elif name in _STEPS:
            _STEPS[name](self, argument)
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"it has the instruction {name}, which no file of weights needs")

    def push(self, item: Any) -> None:
        self.stack.append(item)

    def mark(self, _: Any) -> None:
        self.below.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def drop(self, _: Any) -> None:
        self.marked()

    def pop(self, _: Any) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.stack = self.below.pop()

    def take(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError
        items = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return items

    def put(self, index: Any) -> None:
        self.memo[len(self.memo) if index is None else int(index)] = self.stack[-1]

    def get(self, index: Any) -> None:
        if int(index) not in self.memo:
            raise ValueError(f"its pickle is damaged (there is no entry {index} in its memo)")
        self.stack.append(self.memo[int(index)])

    def append(self, items: list[Any]) -> None:
        expect(self.stack[-1], list).extend(items)

    def add(self, items: list[Any]) -> None:
        expect(self.stack[-1], set).update(key_of(item) for item in items)

    def set_items(self, items: list[Any]) -> None:
        fill(expect(self.stack[-1], dict), items)

    def find(self, module: Any, name: Any) -> None:
        full = f"{module}.{name}"
        if full not in self.calls:
            raise ValueError(f"it wants to run {full[:200]}, which no file of weights needs")
        self.stack.append(Global(full, self.calls[full]))

    def reduce(self, _: Any) -> None:
        function, arguments = self.take(2)
        if not isinstance(function, Global) or function.call is None:
            what = function.name if isinstance(function, Global) else type(function).__name__
            raise ValueError(f"it wants to run {what}, which builds no data")
        self.stack.append(function.call(*expect(arguments, tuple)))

    def build(self, _: Any) -> None:
        target, state = self.take(2)
        if isinstance(target, np.ndarray):
            set_array(target, *expect(state, tuple))
        elif isinstance(target, ArrayType):
            target.set_order(expect(state, tuple))
        elif not isinstance(target, dict):  # whose attributes, torch's _metadata, are left out
            raise ValueError(f"it sets attributes of a {type(target).__name__}")
        self.stack.append(target)

    def persist(self, key: Any) -> None:
        if self.persistent is None:
            raise ValueError("it refers to data outside of itself")
        self.stack.append(self.persistent(key))


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_MAKERS: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": set,
}
_ARGUMENTS = set(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 "
    "BYTEARRAY8".split()
)
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.drop,
    "DUP": lambda m, _: m.push(m.stack[-1]),
    "TUPLE": lambda m, _: m.push(tuple(m.marked())),
    "TUPLE1": lambda m, _: m.push(m.take(1)),
    "TUPLE2": lambda m, _: m.push(m.take(2)),
    "TUPLE3": lambda m, _: m.push(m.take(3)),
    "LIST": lambda m, _: m.push(m.marked()),
    "DICT": lambda m, _: m.push(fill({}, m.marked())),
    "FROZENSET": lambda m, _: m.push(frozenset(map(key_of, m.marked()))),
    "APPEND": lambda m, _: m.append(list(m.take(1))),
    "APPENDS": lambda m, _: m.append(m.marked()),
    "ADDITEMS": lambda m, _: m.add(m.marked()),
    "SETITEM": lambda m, _: m.set_items(list(m.take(2))),
    "SETITEMS": lambda m, _: m.set_items(m.marked()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "GLOBAL": lambda m, argument: m.find(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.find(*m.take(2)),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _Machine.reduce),
    "BUILD": _Machine.build,
    "PERSID": _Machine.persist,
    "BINPERSID": lambda m, _: m.persist(m.stack.pop()),
}
