"""Time several ways of doing one job in turn, so that a machine's moods reach all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

Run = Callable[[], Any]


class Spread(NamedTuple):
    """A median with the quartiles around it."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Returns the median and the lower and upper quartile of at least one value."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(reference: Sequence[float], subject: Sequence[float]) -> list[float]:
    """Returns reference / subject of every round: both ran side by side, so a drift cancels."""
    return [a / b for a, b in zip(reference, subject)]


def interleave(
    sides: Mapping[str, Run],
    *,
    rounds: int,
    warm_up: int = 1,
    seconds: float = float("inf"),
    min_rounds: int = 3,
    pause: float = 0.0,
    around: Mapping[str, Callable[[], AbstractContextManager[Any]]] | None = None,
    synchronize: Callable[[], Any] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Runs every side once per round, in an order that turns round from one round to the next.

    Args:
        sides: what to run, by name.
        rounds: how often at most.
        warm_up: rounds before, which do not count.
        seconds: after this long no round begins, once there are `min_rounds`.
        min_rounds: how often at least, if `rounds` allows.
        pause: seconds to wait before each run, for the threads of the run before to fall asleep
            where two sides bring thread pools of their own.
        around: entered around a side's run, outside the timing, by name.
        synchronize: waits until the device has done what it was given.
        clock: seconds, rising.

    Returns:
        The seconds of every counted round, by name.

    Raises:
        ValueError: if there is nothing to run.
    """
    if not sides or rounds < 1:
        raise ValueError(f"There must be a side and a round; received {list(sides)}, {rounds}.")
    names = list(sides)
    taken: dict[str, list[float]] = {name: [] for name in names}
    begin = clock()
    with _frozen_garbage():
        for number in range(-warm_up, rounds):
            if number >= min_rounds and clock() - begin >= seconds:
                break
            for name in names if number % 2 == 0 else reversed(names):
                time.sleep(pause)
                with (around or {}).get(name, nullcontext)():
                    elapsed = _once(sides[name], synchronize, clock)
                if number >= 0:
                    taken[name].append(elapsed)
    return taken


@contextmanager
def _frozen_garbage() -> Iterator[None]:
    """Leaves what exists out of the collections between the runs, which are then quick."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _once(run: Run, synchronize: Callable[[], Any], clock: Callable[[], float]) -> float:
    gc.collect()
    synchronize()
    start = clock()
    result = run()
    synchronize()
    elapsed = clock() - start
    del result  # freeing it is no part of the job
    return elapsed
