"""Two-way renaming: tables of module names, read from left to right or from right to left.

A row pairs a peer's module with ours, `{field}` standing for the same number on both sides. What
a module holds (weight, bias, statistics of a batch norm) is renamed by one rule for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Row = tuple[str, str]  # (their module, our module)

# Entries of a torch batch norm that Paddle calls otherwise.
_STATISTICS = {"running_mean": "_mean", "running_var": "_variance"}
_OWN = {ours: theirs for theirs, ours in _STATISTICS.items()}
COUNTER = "num_batches_tracked"
_LEAVES = {"weight", "bias", COUNTER, *_STATISTICS}


class Table(NamedTuple):
    """How one form of a peer's network is named.

    Attributes:
        rows: their modules and ours.
        dropped: regular expressions of their keys that have no place here, with the reason.
    """

    rows: tuple[Row, ...]
    dropped: tuple[Row, ...] = ()


class Renamed(NamedTuple):
    """What became of the keys of a file.

    Attributes:
        names: their key -> ours.
        dropped: their key -> why it is left out.
        unknown: keys that no rule knows.
    """

    names: dict[str, str]
    dropped: dict[str, str]
    unknown: list[str]


def rename_to_ours(keys: Iterable[str], table: Table, prefix: str = "") -> Renamed:
    """Rename a peer's keys.

    Args:
        keys: Of its state dict.
        table: The peer's.
        prefix: What the table has in front of these keys, where they are those of a part.
    """
    rows = [(_pattern(theirs), ours) for theirs, ours in table.rows]
    result = Renamed({}, {}, [])
    for key in keys:
        module, _, leaf = (prefix + key).rpartition(".")
        reason = next((why for regex, why in table.dropped if re.match(regex, prefix + key)), None)
        ours = _first(rows, module) if leaf in _LEAVES else None
        if reason is not None:
            result.dropped[key] = reason
        elif ours is None:
            result.unknown.append(key)
        elif leaf == COUNTER:
            result.dropped[key] = "Paddle's batch norm does not count batches"
        else:
            result.names[key] = f"{ours}.{_STATISTICS.get(leaf, leaf)}"
    return result


def rename_to_theirs(keys: Iterable[str], table: Table) -> tuple[dict[str, list[str]], list[str]]:
    """Rename our keys.

    Returns:
        Our key -> theirs, several where the peer lists a shared module under several names; and
        the keys that no rule knows.
    """
    rows = [(_pattern(ours), theirs) for theirs, ours in table.rows]
    names: dict[str, list[str]] = {}
    unknown = []
    for key in keys:
        module, _, leaf = key.rpartition(".")
        theirs = [name for row in rows if (name := _first([row], module)) is not None]
        if theirs:
            names[key] = [f"{name}.{_OWN.get(leaf, leaf)}" for name in theirs]
        else:
            unknown.append(key)
    return names, unknown


def move(items: Mapping[str, Any], rows: Iterable[Row]) -> dict[str, Any]:
    """Rename modules by rows (from, to); what no row names keeps its name."""
    patterns = [(_pattern(before), after) for before, after in rows]
    moved = {}
    for key, item in items.items():
        module, _, leaf = key.rpartition(".")
        name = _first(patterns, module)
        moved[key if name is None else f"{name}.{leaf}"] = item
    return moved


def _pattern(module: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w)\}", module)
    text = "".join(rf"(?P<{p}>\d+)" if i % 2 else re.escape(p) for i, p in enumerate(parts))
    return re.compile(text)


def _first(rows: Iterable[tuple[re.Pattern[str], str]], module: str) -> str | None:
    for pattern, template in rows:
        match = pattern.fullmatch(module)
        if match:
            return template.format(**match.groupdict())
    return None
