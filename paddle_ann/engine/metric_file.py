"""`metrics.csv`: a row at a time, on the disk before anything goes on, mended after a kill.

Python writes a float with as many digits as it takes to read the same float again. An empty cell
is no value: nothing was evaluated, or a class occurs nowhere.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paddle_ann.checkpoint.files import replacing, sync_folder

KEY = "iteration"  # the column that a resumed training is told by


class Table(NamedTuple):
    """A header and its rows, as texts."""

    header: list[str]
    rows: list[list[str]]

    def iterations(self) -> list[int]:
        """Return the iteration of each row."""
        return [int(row[self.header.index(KEY)]) for row in self.rows]


def read(path: Path) -> Table:
    """Read the whole lines of a file; one that is cut off at the end is no line.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no table of metrics.
    """
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline=""), strict=True))
        table = Table(lines[0], lines[1:]) if lines else Table([], [])
        if lines and KEY not in table.header:
            raise ValueError(f"it has no column {KEY!r}")
        if any(len(row) != len(table.header) for row in table.rows):
            raise ValueError("its rows are not as long as its header")
        table.iterations()
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path} is no table of metrics: {error}.") from error
    return table


def cut_back(path: Path, iteration: int) -> None:
    """Keep the whole rows up to an iteration; the file is replaced in one step.

    Raises:
        ValueError: if it is no table of metrics; it is left as it is.
    """
    table = read(path)
    kept = [row for row, at in zip(table.rows, table.iterations()) if at <= iteration]
    lines = [table.header, *kept] if table.header else []
    with replacing(path) as draft:
        draft.write_bytes("".join(map(_line, lines)).encode())


def fits(path: Path, columns: Sequence[str]) -> bool:
    """Tell whether rows of these columns can be appended to a file; to one that is not there, yes.

    Raises:
        ValueError: if the file is no table of metrics.
    """
    return not path.exists() or read(path).header in ([], list(columns))


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row, with the header if it is the first, and wait until it is on the disk.

    Args:
        path: a file that `fits`, or that is not there yet.
        row: numbers by column; None for no value.
    """
    new = not path.exists() or path.stat().st_size == 0
    text = _line(list(row.values()))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        file.write(((_line(list(row)) if new else "") + text).encode())
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def _line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
