"""How time and memory grow with the positions of the map: exponents, and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from paddle_ann.benchmark.case import MEMORY, TIME, Row


class Series(NamedTuple):
    """A quantity of one side over the sizes of the map, ascending."""

    part: str
    side: str
    quantity: str
    positions: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def exponent(self) -> float:
        """The slope of the larger half of the sizes on logarithmic scales; nan for one size."""
        half = max(2, (len(self.positions) + 1) // 2)
        return exponent(self.positions[-half:], self.values[-half:])


def exponent(positions: Sequence[int], values: Sequence[float]) -> float:
    """Fits value = c * positions ** e and returns e; nan for fewer than two positive values."""
    if len(positions) < 2 or min(values) <= 0:
        return float("nan")
    return float(np.polyfit(np.log(positions), np.log(values), 1)[0])


def series(rows: Iterable[Row]) -> list[Series]:
    """Collects the rows that belong to a series of sizes."""
    points: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    for row in rows:
        if row.positions:
            part = row.case.partition(",")[0]
            for side, value in ((row.reference, row.reference_value), (row.subject, row.value)):
                points.setdefault((part, side, row.quantity), []).append((row.positions, value))
    return [
        Series(*key, *(tuple(column) for column in zip(*sorted(found))))
        for key, found in points.items()
    ]


def table(found: Sequence[Series]) -> str:
    """Writes the exponents as a Markdown table."""
    lines = [
        "| growth with H·W, larger half of the sizes | quantity | exponent |",
        "|---|---|---:|",
    ]
    lines += [f"| {s.side}, {s.part} | {s.quantity} | {s.exponent:.2f} |" for s in found]
    return "\n".join(lines)


def plot(found: Sequence[Series], path: Path) -> None:
    """Draws time and memory over the number of positions, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = {TIME: ("seconds, forward", 1.0), MEMORY: ("peak memory in MiB", 2.0**-20)}
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    colors = dict(zip(dict.fromkeys(s.side for s in found), ("tab:red", "tab:blue")))
    for axis, (kind, (label, unit)) in zip(axes, panels.items()):
        drawn = [s for s in found if s.quantity == kind]
        for s in drawn:
            axis.plot(
                s.positions,
                [unit * value for value in s.values],
                color=colors[s.side],
                marker="o",
                linestyle="--" if s.part.startswith("attention") else "-",
                label=f"{s.side}, {s.part}: (HW)^{s.exponent:.2f}",
            )
        axis.set(xscale="log", yscale="log", xlabel="positions H·W", ylabel=label)
        axis.grid(True, which="both", alpha=0.25)
        if drawn:
            axis.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
