"""What may come of anything a user typed or a file held: success, or an error of ours by name."""

from __future__ import annotations

import ast
import functools
import linecache
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OURS = (ROOT / "paddle_ann", ROOT / "tools")
KINDS = (TypeError, ValueError, FileNotFoundError, FileExistsError, RuntimeError)

COUNTS: Counter[tuple[str, str]] = Counter()  # by (property, 'accepted' or 'refused')


def named_error(error: BaseException) -> str:
    """Say why an error is none of ours; '' if it is.

    Ours are those of the types that we document, which a `raise` in our own code put into words:
    an error that falls out of numpy, or out of a call of ours that went wrong, is none.
    """
    kind = type(error)
    if kind not in KINDS and not kind.__module__.startswith("paddle_ann"):
        return f"its type is {kind.__module__}.{kind.__qualname__}"
    if not str(error).strip():
        return "it says nothing"
    if "Traceback" in str(error):
        return "its message holds a traceback"
    file, line = _innermost(error.__traceback__)
    if not any(Path(file).is_relative_to(folder) for folder in OURS):
        return f"it comes from {file}:{line}"
    if not any(first <= line <= last for first, last in _raises(file)):
        return f"nobody raised it: it fell out of {file}:{line} {linecache.getline(file, line)!r}"
    return ""


def _innermost(traceback: TracebackType | None) -> tuple[str, int]:
    if traceback is None:
        return "", 0
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback.tb_frame.f_code.co_filename, traceback.tb_lineno


@functools.cache
def _raises(file: str) -> list[tuple[int, int]]:
    """The first and last lines of the `raise` statements of a source file."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return [(n.lineno, n.end_lineno or 0) for n in ast.walk(tree) if isinstance(n, ast.Raise)]


def attempt(what: str, task: Callable[[], Any]) -> Any:
    """Do something that may be refused.

    Args:
        what: name of the property, for the count of cases.
        task: what to do.

    Returns:
        Its result, or the named error.

    Raises:
        AssertionError: from an error that is none of ours.
    """
    try:
        result = task()
    except Exception as error:
        problem = named_error(error)
        if problem:
            raise AssertionError(f"{type(error).__name__}: {error}\n{problem}") from error
        COUNTS[what, "refused"] += 1
        return error
    COUNTS[what, "accepted"] += 1
    return result
