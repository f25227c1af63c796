"""A fix of one upstream fault, and the reversible attribute patching that every fix is made of."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_MISSING = object()

Check = Callable[[dict[str, Any]], None]


class Patches:
    """Attributes replaced by one fix, in order, so that they can be put back exactly."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace (or add) the attribute `name` of a module or class."""
        old = vars(owner).get(name, _MISSING)
        setattr(owner, name, value)
        self._undo.append(lambda: _put_back(owner, name, old))

    def everywhere(self, original: Any, replacement: Any) -> None:
        """Replace a function under every name by which a PaddleSeg module holds it.

        `from x import f` copies the reference, so `paddleseg.core.train.evaluate` stays the old
        function when only `paddleseg.core.val.evaluate` is replaced. The way back looks again, so
        that modules imported in between are restored as well.
        """
        _swap(original, replacement)
        self._undo.append(lambda: _swap(replacement, original))

    def before(self, function: Any, check: Check) -> None:
        """Run `check` on the bound arguments of a PaddleSeg function before its body.

        All checks of one function share one wrapper, in the order in which they were added. A check
        may raise, or change the arguments in place.
        """
        checks = getattr(function, "compat_checks", None)
        if checks is None:
            function = _checked(function)
            checks = function.compat_checks
            self.everywhere(function.__wrapped__, function)
        checks.append(check)
        self._undo.append(lambda: checks.remove(check))

    def restore(self) -> None:
        """Put every attribute back, last replaced first."""
        while self._undo:
            self._undo.pop()()


@dataclass(frozen=True)
class Fix:
    """One upstream fault and its mend.

    Attributes:
        name: Short identifier, unique in the registry.
        symptom: What a user sees without the fix.
        cause: Why, and where in the upstream source.
        versions: Where the fault was seen.
        probe: Returns True when the fault is there in the installed versions; must be cheap.
        patch: Mends it through the given `Patches` only, so that it can be undone.
    """

    name: str
    symptom: str
    cause: str
    versions: str
    probe: Callable[[], bool]
    patch: Callable[[Patches], None]


@dataclass(frozen=True)
class FixStatus:
    """What became of a fix here: does the fault bite, is it mended, what went wrong."""

    fix: Fix
    bites: bool
    mended: bool
    error: str | None = None


def module(name: str) -> Any:
    """Import a module and return it, also one that its package shadows (`core.train`)."""
    __import__(name)
    return sys.modules[name]


def source_has(function: Any, text: str) -> bool:
    """Look for `text` in a function's source: the probe for faults too dear to provoke."""
    try:
        return text in inspect.getsource(inspect.unwrap(function))
    except (OSError, TypeError):
        return False


def _put_back(owner: Any, name: str, old: Any) -> None:
    if old is _MISSING:
        delattr(owner, name)
    else:
        setattr(owner, name, old)


def _swap(old: Any, new: Any) -> None:
    for name, mod in list(sys.modules.items()):
        if mod is None or name.partition(".")[0] != "paddleseg":
            continue
        for attribute, value in list(vars(mod).items()):
            if value is old:
                setattr(mod, attribute, new)


@functools.cache  # one wrapper for good: who holds it sees the checks go and come back
def _checked(function: Any) -> Any:
    """Wrap a function so that its `compat_checks` see the arguments first."""
    signature = inspect.signature(function)
    checks: list[Check] = []

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for check in checks:
            check(bound.arguments)
        return function(*bound.args, **bound.kwargs)

    wrapper.compat_checks = checks  # type: ignore[attr-defined]
    return wrapper
