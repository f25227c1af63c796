"""Which part of a source's network a file holds, and its arrays by our names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from paddle_ann.convert.renaming import Renamed, rename_to_ours
from paddle_ann.convert.sources import PARTS, SOURCES
from paddle_ann.state_table import Difference, table

_WRAPPERS = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile


class Match(NamedTuple):
    """The tensors of a file in our terms.

    Attributes:
        part: "whole", "backbone", "head", "afnb" or "apnb".
        arrays: by the names that they have in that part.
        names: their key -> the name in that part.
        dropped: their key -> why it is left out.
    """

    part: str
    arrays: dict[str, np.ndarray]
    names: dict[str, str]
    dropped: dict[str, str]


def match(state: Mapping[str, np.ndarray], source: str) -> Match:
    """Rename all keys by the source's tables, as those of the whole network or of a part.

    Raises:
        ValueError: If there are keys that the tables do not know, or one of our parameters comes
            twice and differs.
    """
    if not state:
        raise ValueError("there are no tensors in it.")
    state = without_wrappers(state)
    part, renamed = choose(state, source)
    arrays = collect(state, renamed)
    if part in ("whole", "head"):  # whose own prefix may be empty, so that parts look like these
        holding = [p for p in PARTS if all(name.startswith(PARTS[p]) for name in arrays)]
        part = max(holding, key=lambda p: len(PARTS[p]))
    skip = len(PARTS[part])
    inner = {name[skip:]: array for name, array in arrays.items()}
    names = {key: name[skip:] for key, name in renamed.names.items()}
    return Match(part, inner, names, renamed.dropped)


def without_wrappers(state: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Take off what DataParallel and torch.compile put in front of every key."""
    for prefix in _WRAPPERS * 2:
        if all(key.startswith(prefix) for key in state):
            state = {key[len(prefix) :]: array for key, array in state.items()}
    return state


def choose(state: Mapping[str, np.ndarray], source: str) -> tuple[str, Renamed]:
    """Choose the part and the table that know all keys.

    Raises:
        ValueError: If none does, with the keys that the best one does not know.
    """
    attempts = _attempts(state, source)
    part, best = min(attempts, key=lambda attempt: len(attempt[1].unknown))
    if best.unknown or not best.names:
        raise ValueError(_not_understood(state, source, best.unknown))
    if part == "afnb":  # some peers name both blocks alike
        for other, renamed in attempts:
            if other == "apnb" and not renamed.unknown and _shares_query(state, renamed):
                return other, renamed
    return part, best


def _attempts(state: Iterable[str], source: str) -> list[tuple[str, Renamed]]:
    peer = SOURCES[source]
    return [
        (part, rename_to_ours(state, form, prefix))
        for part, prefix in peer.parts.items()
        for form in peer.tables
    ]


def _shares_query(state: Mapping[str, np.ndarray], renamed: Renamed) -> bool:
    """Whether a block's query is its key."""
    theirs = {name: key for key, name in renamed.names.items()}
    pairs = [
        (state[key], state.get(theirs.get(name.replace("f_key", "f_query"), "")))
        for name, key in theirs.items()
        if name.endswith("f_key._conv.weight")
    ]
    return all(query is None or np.array_equal(key, query) for key, query in pairs)


def _not_understood(state: Mapping[str, np.ndarray], source: str, unknown: list[str]) -> str:
    rows = [Difference(key, state[key].shape, None, "not understood") for key in unknown]
    fits = [
        name
        for name in SOURCES
        if any(not renamed.unknown and renamed.names for _, renamed in _attempts(state, name))
    ]
    step = f"They fit source {' or '.join(fits)}." if fits else "Nothing was converted."
    count = f"{len(unknown)} of {len(state)} keys are not understood as {source!r}"
    return f"{count}:\n{table(rows)}\n{step}" if rows else f"{count}. {step}"


def collect(state: Mapping[str, np.ndarray], renamed: Renamed) -> dict[str, np.ndarray]:
    """Gather the arrays by our names; a module that is listed twice must be the same twice.

    Raises:
        ValueError: If it is not.
    """
    arrays: dict[str, np.ndarray] = {}
    origin: dict[str, str] = {}
    for key, name in renamed.names.items():
        if name in arrays and not np.array_equal(arrays[name], state[key], equal_nan=True):
            raise ValueError(
                f"{origin[name]} and {key} are one tensor in this network, and differ in the file."
            )
        arrays[name], origin[name] = state[key], key
    return arrays
