"""How far a 64-bit Mersenne Twister has run: for a Paddle that shows its engine but sets none.

Paddle 2.6.2 prints the engine's state (`std::mt19937_64`: 312 words and a position) but restores
a generator by its seed alone. The numbers drawn since then can be counted by running the same
recurrence, and drawn again.

Source: Nishimura, Tables of 64-bit Mersenne Twisters, 2000; the constants of `std::mt19937_64`.
"""

from __future__ import annotations

import numpy as np

WORDS, _MIDDLE = 312, 156
_MATRIX = np.uint64(0xB5026F5AA96619E9)
_UPPER, _LOWER = np.uint64(0xFFFFFFFF80000000), np.uint64(0x7FFFFFFF)
_ONE = np.uint64(1)


def twist(words: np.ndarray) -> np.ndarray:
    """Compute the next 312 words of the recurrence.

    Args:
        words: (312,), uint64.

    Returns:
        (312,), uint64.
    """
    new = np.empty_like(words)
    new[:_MIDDLE] = words[_MIDDLE:] ^ _mix(words[:_MIDDLE], words[1 : _MIDDLE + 1])
    following = np.append(words[_MIDDLE + 1 :], new[0])  # the last mixes with the first new one
    new[_MIDDLE:] = new[:_MIDDLE] ^ _mix(words[_MIDDLE:], following)
    return new


def _mix(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    joined = (high & _UPPER) | (low & _LOWER)
    return (joined >> _ONE) ^ ((joined & _ONE) * _MATRIX)


def count_draws(start: str, end: str, limit: int) -> int | None:
    """Count the numbers that were drawn from an engine between two states.

    Args:
        start: 312 words and the position, in decimal, as C++ prints an engine.
        end: The same, later.
        limit: Numbers after which to give up; about ten million a second are run through.

    Returns:
        The count; None if `end` does not come within the limit.
    """
    (words, position), (target, target_position) = _parse(start), _parse(end)
    for block in range(limit // WORDS + 2):
        draws = block * WORDS + target_position - position
        if draws >= 0 and words[0] == target[0] and np.array_equal(words, target):
            return draws
        words = twist(words)
    return None


def is_engine(text: object) -> bool:
    """Tell whether a text is the state of an engine."""
    if not isinstance(text, str) or not all(word.isdecimal() for word in text.split(" ")):
        return False
    numbers = [int(word) for word in text.split(" ")] if len(text) < 1 << 14 else []
    return len(numbers) == WORDS + 1 and max(numbers) < 1 << 64 and numbers[-1] <= WORDS


def _parse(text: str) -> tuple[np.ndarray, int]:
    numbers = [int(word) for word in text.split(" ")]
    return np.array(numbers[:WORDS], np.uint64), numbers[WORDS]
