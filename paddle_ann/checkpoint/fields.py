"""Fields of a state that comes from a file: each is checked for its kind before it is taken.

The files of a checkpoint have checksums, but people edit JSON, and other versions write other
things. A text where a number should be must not surface hours later as an error of Python's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """What a field must be.

    Attributes:
        rule: in words, after 'it must be'.
        fits: whether a value is of the kind.
    """

    rule: str
    fits: Callable[[Any], bool]


class DamagedField(ValueError):
    """A field is missing, or not of its kind.

    Args:
        place: where it stands, e.g. 'parts.progress.steps'.
        problem: what is wrong, after its place.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"the field {place} {problem}")
        self.place, self.problem = place, problem


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _all(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(kind, value))


COUNT = Kind("a whole number of at least 0", _is_count)
NUMBER = Kind("a number", _is_number)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
LIST = Kind("a list", lambda value: isinstance(value, list))
RECORD = Kind("a dictionary", lambda value: isinstance(value, dict))
NUMBERS = Kind("a list of numbers", _all(_is_number))
TEXTS = Kind("a list of texts", _all(lambda value: isinstance(value, str)))
COUNTS = Kind(
    "a dictionary of whole numbers of at least 0",
    lambda value: isinstance(value, dict) and all(map(_is_count, value.values())),
)


def take(state: Any, kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """Return the wanted fields of a state; others are left alone.

    Args:
        state: from a file.
        kinds: the fields by name.

    Raises:
        DamagedField: if one is missing or not of its kind.
    """
    if not isinstance(state, dict):
        raise DamagedField("", f"is {shown(state)}; it must be {RECORD.rule}")
    for name, kind in kinds.items():
        if name not in state:
            raise DamagedField(name, f"is missing; it must be {kind.rule}")
        if not kind.fits(state[name]):
            raise DamagedField(name, f"is {shown(state[name])}; it must be {kind.rule}")
    return {name: state[name] for name in kinds}


@contextlib.contextmanager
def within(name: str) -> Iterator[None]:
    """Put the name of what is read in here before the places of its fields.

    Raises:
        DamagedField: also for what a wrong kind of value raises where nothing has checked it, as in
            `load_state_dict` of a callback of the user's.
    """
    try:
        yield
    except DamagedField as error:
        place = f"{name}.{error.place}" if error.place else name
        raise DamagedField(place, error.problem) from error.__cause__
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        raise DamagedField(name, f"cannot be taken: {reason}") from error


def shown(value: Any, longest: int = 80) -> str:
    """Write a value for a message, cut off where it gets long."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}..."
