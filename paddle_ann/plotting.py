"""Curves of one or several trainings, drawn from their `metrics.csv`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from paddle_ann.checkpoint.files import replacing
from paddle_ann.engine import metric_file
from paddle_ann.engine.earlier import METRICS
from paddle_ann.paths import check_file

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart; no yellow.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = "os^vDPX"
PANELS = {
    "loss": {"loss": ""},
    "learning rate": {"learning_rate": ""},
    "pixel accuracy": {"train_accuracy": "train", "test_accuracy": "test"},
    "mIoU": {"mIoU": ""},
}
DASHED = {"train_accuracy"}
_SEED = re.compile(r"[-_.]?(?:seed|s)?[-_.]?\d+$")
_PNG = b"\x89PNG"


class Run(NamedTuple):
    """The rows of one training, or of several that differ in the seed alone.

    Attributes:
        label: for the legend.
        columns: float64 [rows] by column, nan where there is no value.
    """

    label: str
    columns: Mapping[str, np.ndarray]


def read_run(path: str | Path, label: str = "") -> Run:
    """Read the rows of a training.

    Args:
        path: its `save_dir`, or a `metrics.csv`.
        label: for the legend; the name of the folder if empty.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no table of metrics, or has no row yet.
    """
    path = Path(path)
    file = path / METRICS[0] if os.path.isdir(path) else path
    if not os.path.isfile(file):  # nor where the system refuses the path
        raise FileNotFoundError(
            f"{file} does not exist. Give the --save_dir of a training by tools/train.py, which "
            f"writes {METRICS[0]} there after each epoch, or such a file."
        )
    table = metric_file.read(file)
    if not table.rows:
        raise ValueError(f"{file} has no row yet: the first comes with the first evaluation.")
    try:
        cells = [[float(cell or "nan") for cell in row] for row in table.rows]
    except ValueError as error:
        raise ValueError(f"{file} is no table of metrics: {error}.") from error
    columns = dict(zip(table.header, np.array(cells).T))
    return Run(label or file.resolve().parent.name, columns)


def labels(paths: Sequence[str | Path]) -> list[str]:
    """Return the name of each run's folder, with as many of its parents as tell them apart."""
    folders = [Path(os.path.realpath(path)) for path in paths]
    folders = [path.parent if os.path.isfile(path) else path for path in folders]
    for depth in range(1, max(len(path.parts) for path in folders) + 1):
        names = ["/".join(path.parts[-depth:]) for path in folders]
        if len(set(names)) == len(set(folders)):
            break
    return names


def grouped(runs: Iterable[Run]) -> list[list[Run]]:
    """Put runs together whose labels differ in a number at the end, such as `ann_seed3`.

    Returns:
        The groups, in the order of their first runs.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        name = _SEED.sub("", run.label) or run.label
        groups.setdefault(name, []).append(Run(name, run.columns))
    return list(groups.values())


def horizontal(runs: Iterable[Run]) -> str:
    """Choose the horizontal axis: epochs if every run has a row for each, else iterations."""
    each = all("epoch" in r.columns and (np.diff(r.columns["epoch"]) > 0).all() for r in runs)
    return "epoch" if each else metric_file.KEY


def spread(group: Sequence[Run], axis: str, column: str) -> tuple[np.ndarray, ...]:
    """Return where a group has values of a column, and their mean, least and greatest.

    Args:
        group: runs, at least one.
        axis: the column of the horizontal axis.
        column: what is drawn.

    Returns:
        Four arrays [points]; a place counts if at least one run has a value there.
    """
    found: dict[float, list[float]] = {}
    for run in group:
        for place, value in zip(run.columns[axis], run.columns.get(column, ())):
            if np.isfinite(value):
                found.setdefault(float(place), []).append(float(value))
    places = sorted(found)
    functions = (np.mean, np.min, np.max)
    return np.array(places), *(np.array([f(found[p]) for p in places]) for f in functions)


def draw(groups: Sequence[Sequence[Run]], path: str | Path) -> None:
    """Draw loss, learning rate, accuracy and mIoU as a PNG, which is replaced in one step.

    Args:
        groups: runs drawn as one line each: their mean, and a band from the least to the greatest.
        path: ends in `.png`.

    Raises:
        ValueError: if the name does not end in `.png`, or is none (`paths.check_file`).
        FileExistsError: if something else than a PNG stands there, or in the way.
    """
    path = Path(path)
    _check_target(path)
    from matplotlib.figure import Figure

    axis = horizontal(run for group in groups for run in group)
    figure = Figure(figsize=(11, 7), constrained_layout=True)
    for axes, (title, columns) in zip(figure.subplots(2, 2).flat, PANELS.items()):
        for number, group in enumerate(groups):
            for column, kind in columns.items():
                _line(axes, number, group, axis, column, kind)
        axes.set(xlabel=axis, title=title)
        axes.grid(True, alpha=0.25)
        if axes.lines:
            axes.legend(fontsize=8)
        else:
            axes.text(0.5, 0.5, "no values", ha="center", transform=axes.transAxes)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        figure.savefig(draft, dpi=110, format="png")


def _line(axes: Any, number: int, group: Sequence[Run], axis: str, column: str, kind: str) -> None:
    places, mean, least, greatest = spread(group, axis, column)
    if not len(places):
        return
    color = COLORS[number % len(COLORS)]
    count = f" (mean of {len(group)})" if len(group) > 1 else ""
    axes.plot(
        places,
        mean,
        color=color,
        marker=MARKERS[number // len(COLORS) % len(MARKERS)] if len(places) < 40 else "",
        markersize=3,
        linestyle="--" if column in DASHED else "-",
        label=f"{group[0].label}{f', {kind}' if kind else ''}{count}",
    )
    if len(group) > 1:
        axes.fill_between(places, least, greatest, color=color, alpha=0.2, linewidth=0)


def _check_target(path: Path) -> None:
    """Refuse a name under which no picture belongs; see `draw`."""
    if path.suffix.lower() != ".png":
        raise ValueError(f"--output {path}: the curves are drawn as PNG; let the name end in .png.")
    check_file(path, "--output")
    if path.exists():
        with open(path, "rb") as file:
            if file.read(4) not in (_PNG, b""):
                raise FileExistsError(f"--output {path} exists and is no PNG. Give another name.")
