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
    asked = str(name).lower()
    close = get_close_matches(asked, by_lower, n=3, cutoff=0.6)
    if not close and len(asked) > 2:  # the beginning or a part of a name
        close = [item for item in by_lower if asked in item][:3]
    if close:
        return f"; did you mean {' or '.join(repr(by_lower[item]) for item in close)}?"
    shown = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
    return f"; known: {shown}."
