"""Run the cases: build the sides, compare their outputs, time them in turn, measure memory."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import psutil

from paddle_ann.benchmark import catalogue
from paddle_ann.benchmark.case import MEMORY, SHARE, TIME, Case, Row, Settings, Workload
from paddle_ann.benchmark.environment import quietly
from paddle_ann.benchmark.memory import peak_in_child
from paddle_ann.benchmark.timing import interleave, ratios, spread
from paddle_ann.benchmark.weights import difference


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: rounds of a case at most.
        seconds: time after which no further round of a case begins.
        memory: whether to measure memory.
    """

    rounds: int = 9
    seconds: float = 120.0
    memory: bool = True


def run(cases: Sequence[Case], settings: Settings, effort: Effort) -> Iterator[Row]:
    """Measures case by case, and tells on the error stream how far it is.

    Yields:
        The rows of a case as soon as it is done.
    """
    begin = time.monotonic()
    for number, case in enumerate(cases, 1):
        print(f"[{number}/{len(cases)}] {case.name} …", file=sys.stderr, end=" ", flush=True)
        start = time.monotonic()
        free = psutil.virtual_memory().available
        if settings.device == "cpu" and case.needs > free:
            wanted, there = (f"{size / 2**30:.1f} GiB" for size in (case.needs, free))
            print(f"LEFT OUT: needs {wanted}, {there} are free.", file=sys.stderr, flush=True)
            continue
        yield from measure(case, settings, effort)
        now = time.monotonic()
        left = (now - begin) / number * (len(cases) - number)
        print(f"{now - start:.0f} s, ETA {left / 60:.0f} min", file=sys.stderr, flush=True)


def measure(case: Case, settings: Settings, effort: Effort) -> Iterator[Row]:
    """Yields the rows of one case."""
    if TIME in case.quantities or SHARE in case.quantities:
        yield from measure_time(case, settings, effort)
        gc.collect()
    if MEMORY in case.quantities and effort.memory:
        peaks = {
            side: [float(peak_in_child(case.name, side, asdict(settings)))] for side in case.sides
        }
        reference, subject = case.sides
        yield make_row(case, MEMORY, (reference, peaks[reference]), (subject, peaks[subject]))


def measure_time(case: Case, settings: Settings, effort: Effort) -> Iterator[Row]:
    """Yields the row of times, or of rates beside those of the matrix products."""
    with quietly():
        sides = {name: make() for name, make in case.sides.items()}
    first, *_, last = sides
    compared = difference_of(sides[first], sides[last])
    seconds = interleave(
        {name: side.run for name, side in sides.items()},
        rounds=effort.rounds,
        seconds=effort.seconds,
        pause=case.pause,
        around={name: side.around for name, side in sides.items()},
        synchronize=partial(catalogue.synchronize, settings, case),
    )
    counts = {name: side.macs for name, side in sides.items()}
    quantity = TIME
    if SHARE in case.quantities:
        quantity = SHARE
        seconds = {name: [counts[name] / s for s in taken] for name, taken in seconds.items()}
        first = max((name for name in sides if name != last), key=lambda n: max(seconds[n]))
        # The best product of all rounds stands for what the machine can do.
        seconds[first] = [max(seconds[first])] * len(seconds[last])
    yield make_row(
        case,
        quantity,
        (first, seconds[first]),
        (last, seconds[last]),
        difference=compared,
        reference_macs=counts[first],
        macs=counts[last],
    )


def difference_of(reference: Workload, subject: Workload) -> float:
    """Returns the relative difference of the outputs; nan where a side has none."""
    if reference.output is None or subject.output is None:
        return float("nan")
    return difference(reference.output(), subject.output())


def make_row(
    case: Case,
    quantity: str,
    reference: tuple[str, Sequence[float]],
    subject: tuple[str, Sequence[float]],
    **more: Any,
) -> Row:
    """Summarises the rounds of two sides."""
    pair = (reference[1], subject[1])
    compared = ratios(*(reversed(pair) if quantity == SHARE else pair))
    theirs, ours, ratio = spread(reference[1]), spread(subject[1]), spread(compared)
    goal = case.goals.get(quantity)
    return Row(
        case.group,
        case.name,
        quantity,
        reference[0],
        subject[0],
        *theirs,
        *ours,
        len(compared),
        *ratio,
        positions=case.positions,
        goal_bound=goal.bound if goal else float("nan"),
        goal_inverse=bool(goal and goal.inverse),
        **more,
    )
