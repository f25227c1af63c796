"""Proposals for a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns the end of a sentence: the closest known names, or else all of them (up to 40)."""
    names = sorted(str(item) for item in known)
    if not names:
        return "."
    by_lower = {item.lower(): item for item in names}
    close = get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(repr(by_lower[item]) for item in close)}?"
    shown = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
    return f"; known: {shown}."
