"""Values that no setting expects, and settings with one to three things wrong."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.sampled_from(
    [0, 1, 2, 3, 7, -1, -7, 2**31, -(2**63), 2**63, 10**30, True, False]
) | st.sampled_from([0.0, 0.5, 1.0, -0.5, 1e-320, 1e300, float("inf"), float("nan")])
TEXTS = st.text(max_size=6) | st.sampled_from(
    ["", " ", "ANN", "train", "1", "1e-3", "None", "null", "../..", "a.b", "\0", "城市", "\u202e"]
)
PLAIN = st.none() | NUMBERS | TEXTS
JUNK = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "a", "", "0", 3, None]), inner, max_size=2
        )
    ),
    max_leaves=5,
)
# Small enough that whatever is built from it fits into memory.
SMALL = st.sampled_from(
    [None, 0, 1, 2, 3, 5, -1, 0.0, 0.5, 1.5, -0.5, float("nan"), float("inf"), 10**30, "", "a", "1"]
    + [True, False, [], [1], [0], [1, 2, 3], ["a"], {}, {"type": "Normalize"}, {"type": "a"}, [[]]]
    + [[-1, 3], [0.5, 0.5], [3, 3], "train", "/gone.pdparams", [{"name": "backbone"}], [None]]
).map(copy.deepcopy)
Path = tuple[Any, ...]


def paths(node: Any, here: Path = ()) -> list[Path]:
    """The places in nested settings, the top left out."""
    items: Any = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    found = []
    for key, value in items:
        found += [(*here, key), *paths(value, (*here, key))]
    return found


def misspell(draw: st.DrawFn, text: str) -> str:
    """Leave out, double, swap or change a letter."""
    at = draw(st.integers(0, max(len(text) - 1, 0)))
    middle = draw(st.sampled_from(["", text[at : at + 1] * 2, "x", "_", text[at : at + 1].upper()]))
    return text[:at] + middle + text[at + 1 :]


@st.composite
def mutated(
    draw: st.DrawFn, settings: dict[Any, Any], junk: Any = JUNK, most: int = 3
) -> dict[Any, Any]:
    """The settings with one value, key or block changed, or some more."""
    settings = copy.deepcopy(settings)
    for _ in range(draw(st.integers(1, most))):
        places = paths(settings)
        if not places:
            break
        *above, key = draw(st.sampled_from(places))
        node: Any = settings
        for part in above:
            node = node[part]
        _spoil(draw, node, key, junk)
    return settings


def _spoil(draw: st.DrawFn, node: Any, key: Any, junk: Any) -> None:
    how = draw(st.sampled_from(["value", "value", "value", "drop", "rename", "add", "wrap"]))
    if how == "drop":
        del node[key]
    elif how == "rename" and isinstance(key, str):
        node[misspell(draw, key)] = node.pop(key)
    elif how == "add" and isinstance(node, dict):
        node[draw(TEXTS)] = draw(junk)
    elif how == "wrap":
        node[key] = [node[key]] if draw(st.booleans()) else {"type": node[key]}
    else:
        node[key] = draw(junk)


@st.composite
def spoilt_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """A file with bytes changed, put in or cut off."""
    spoilt = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(spoilt)))
        how = draw(st.sampled_from(["flip", "insert", "cut", "delete", "copy"]))
        if how == "flip" and at < len(spoilt):
            spoilt[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "insert":
            spoilt[at:at] = draw(st.binary(min_size=1, max_size=9))
        elif how == "cut" and draw(st.booleans()):
            del spoilt[at:]
        elif how == "delete":
            del spoilt[at : at + draw(st.integers(1, 9))]
        else:
            spoilt[at:at] = spoilt[at : at + draw(st.integers(1, 40))]
    return bytes(spoilt)
