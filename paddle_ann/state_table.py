"""What keeps a file of weights from being the weights of a model, as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Difference", "compare", "require_same_state", "table"]

NAME_TABLE = "StructuredToParameterName@@"  # Paddle's own entry in the state dict of a layer
MISSHAPEN, OTHER_TYPE = "other shape", "other type"
MISSING, UNEXPECTED = "missing", "not in the model"
KINDS = (MISSHAPEN, OTHER_TYPE, MISSING, UNEXPECTED)
SHOWN = 10  # rows of one kind
_COUNTERS = ("total_ops", "total_params")  # buffers that paddle.flops leaves in a model


class Difference(NamedTuple):
    """One row of the table.

    Attributes:
        key: name of the parameter or buffer.
        there: its shape in the file; a text if it is no array of that type; None if absent.
        here: its shape in the model; None if it has none of that name.
        kind: what is wrong.
    """

    key: str
    there: tuple[int, ...] | str | None
    here: tuple[int, ...] | None
    kind: str


def compare(own: Mapping[str, Any], state: Mapping[str, Any]) -> list[Difference]:
    """Compare the entries of a model with those of a file: names, shapes, floating point or not.

    Args:
        own: the model's state dict.
        state: the file's; tensors, arrays, or anything.

    Returns:
        What differs: first other shapes and types, then what is missing in the file, then what
        the model has no place for; each in the order of the model or the file.
    """
    rows = []
    for key, value in own.items():
        here = tuple(value.shape)
        if key not in state:
            rows.append(Difference(key, None, here, MISSING))
        elif shape_of(state[key]) != here:
            rows.append(Difference(key, shape_of(state[key]), here, MISSHAPEN))
        elif _is_floating(state[key]) != _is_floating(value):
            there = f"{list(here)} {_type_of(state[key])}"
            rows.append(Difference(key, there, here, OTHER_TYPE))
    extra = [key for key in state if key not in own and key != NAME_TABLE]
    rows += [Difference(key, shape_of(state[key]), None, UNEXPECTED) for key in extra]
    rows = [row for row in rows if row.key.rpartition(".")[2] not in _COUNTERS]
    return sorted(rows, key=lambda row: KINDS.index(row.kind))


def shape_of(value: Any) -> tuple[int, ...] | str:
    """Return the shape of an array or tensor; of anything else what it is."""
    shape = getattr(value, "shape", None)
    return f"a {type(value).__name__}" if shape is None else tuple(shape)


def _type_of(value: Any) -> str:
    return str(value.dtype).rpartition(".")[2]


def _is_floating(value: Any) -> bool:
    return "float" in _type_of(value)


def table(rows: Sequence[Difference], shown: int = SHOWN) -> str:
    """Lay the rows out in columns, indented by two.

    Args:
        rows: what differs; not empty.
        shown: rows of one kind before the rest is only counted.
    """
    lines: list[tuple[str, ...]] = [("key", "in the file", "in the model", "what is wrong")]
    more: dict[int, str] = {}
    for kind in dict.fromkeys(row.kind for row in rows):
        group = [row for row in rows if row.kind == kind]
        lines += [(row.key, _cell(row.there), _cell(row.here), kind) for row in group[:shown]]
        if len(group) > shown:
            more[len(lines)] = f"  ... and {len(group) - shown} more: {kind}"
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = []
    for number, line in enumerate(lines, 1):
        cells = (cell.ljust(width) for cell, width in zip(line, widths))
        text.append(("  " + "  ".join(cells)).rstrip())
        text += [more[number]] if number in more else []
    return "\n".join(text)


def _cell(shape: tuple[int, ...] | str | None) -> str:
    if isinstance(shape, tuple):
        return str(list(shape))
    return "-" if shape is None else shape


def counts(rows: Sequence[Difference]) -> str:
    """Count the rows of each kind, as 'other shape: 2, missing: 1'."""
    kinds = [row.kind for row in rows]
    return ", ".join(f"{kind}: {kinds.count(kind)}" for kind in dict.fromkeys(kinds))


def require_same_state(model: Any, state: Mapping[str, Any], path: str, next_step: str) -> None:
    """Refuse a state dict that is not exactly this model's.

    Raises:
        ValueError: With a table of the entries that differ.
    """
    own = model.state_dict()
    rows = compare(own, state)
    if rows:
        raise ValueError(
            f"The weights in {path} are not those of this {type(model).__name__} with "
            f"{len(own)} entries ({counts(rows)}):\n{table(rows)}\n{next_step}"
        )
