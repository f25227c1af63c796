"""Going on with a measurement that was cut off, or that is taken group by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from paddle_ann.benchmark import report
from paddle_ann.benchmark.case import MEMORY, Case, Row

# What may change from one sitting to the next; everything else decides the figures.
CHANGES = ("date", "load_average_at_start", "date_at_end", "load_average_at_end")


def load(path: Path, around: Mapping[str, str]) -> tuple[list[Row], dict[str, str]]:
    """Reads the rows of an earlier sitting and the circumstances it began with.

    Args:
        path: the CSV that it left.
        around: the circumstances now.

    Returns:
        No row and `around` where there is no file yet.

    Raises:
        ValueError: if the circumstances differ, naming how: one table must not mix them.
    """
    if not path.exists():
        return [], dict(around)
    rows, before = report.read_csv(path)
    check_same(path, before, around)
    return rows, before


def check_same(path: Path, before: Mapping[str, str], around: Mapping[str, str]) -> None:
    """Raises ValueError if the circumstances of what stands in a file differ from those now."""
    for name in [n for n in (*before, *around) if n not in CHANGES]:
        old, new = (found.get(name, "nothing") for found in (before, around))
        if old != new:
            raise ValueError(
                f"--resume: {path} was measured with {name} {old!r}, now it is {new!r}; one table "
                "must not mix them. Measure anew without --resume, or choose another --output."
            )


def missing(cases: Sequence[Case], rows: Sequence[Row], memory: bool) -> list[Case]:
    """Returns the cases of which not every quantity stands in `rows`.

    Args:
        cases: what is to be measured.
        rows: what has been.
        memory: whether memory is to be measured.
    """
    there = {(row.case, row.quantity) for row in rows}
    return [
        case
        for case in cases
        if any((case.name, q) not in there for q in case.quantities if memory or q != MEMORY)
    ]


def keep(rows: Sequence[Row], left: Sequence[Case]) -> list[Row]:
    """Returns the rows without those of cases that will be measured again, half done before."""
    again = {case.name for case in left}
    return [row for row in rows if row.case not in again]


def in_order(rows: Sequence[Row], cases: Sequence[Case]) -> list[Row]:
    """Returns the rows in the order of all cases, however they were taken."""
    place = {case.name: number for number, case in enumerate(cases)}
    return sorted(rows, key=lambda row: place.get(row.case, len(place)))
