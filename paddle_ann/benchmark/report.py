"""Rows as a table for people and as CSV for programs; both carry their circumstances."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from paddle_ann.benchmark.case import MEMORY, SHARE, TIME, Row

_HEADINGS = ("case", "reference", "ours", "reference ÷ ours", "goal", "difference", "GMAC")


def write_csv(rows: Iterable[Row], environment: Mapping[str, str], path: Path) -> None:
    """Writes the circumstances as `# name: value` lines and one line per row below them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        for name, value in environment.items():
            file.write(f"# {name}: {value}\n")
        writer = csv.writer(file, lineterminator="\n")
        names = [column.name for column in fields(Row)]
        writer.writerow(names)
        writer.writerows([getattr(row, name) for name in names] for row in rows)


def read_csv(path: Path) -> tuple[list[Row], dict[str, str]]:
    """Reads what `write_csv` wrote.

    Raises:
        ValueError: if the columns are others.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line[2:].partition(": ") for line in lines if line.startswith("# ")]
    reader = csv.DictReader(line for line in lines if not line.startswith("# "))
    names = [column.name for column in fields(Row)]
    if reader.fieldnames != names:
        raise ValueError(f"{path} has the columns {reader.fieldnames}; expected {names}.")
    convert = {column.name: _CONVERT[str(column.type)] for column in fields(Row)}
    rows = [Row(**{name: convert[name](record[name]) for name in names}) for record in reader]
    return rows, {name: value for name, _, value in comments}


_CONVERT: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: text == "True",
}


def markdown(rows: Sequence[Row], environment: Mapping[str, str]) -> str:
    """Writes one table per group, and the circumstances below."""
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        lines += [f"**{group[0].upper()}{group[1:]}**", "", f"| {' | '.join(_HEADINGS)} |"]
        lines.append("|---|" + "---:|" * (len(_HEADINGS) - 1))
        lines += [f"| {' | '.join(cells(row))} |" for row in rows if row.group == group]
        lines.append("")
    lines.append(circumstances(environment))
    return "\n".join(lines)


def circumstances(environment: Mapping[str, str]) -> str:
    """Writes what the figures were measured with as one sentence."""
    words = (name if name.isupper() else name.replace("_", " ") for name in environment)
    return "; ".join(f"{name} {v}" for name, v in zip(words, environment.values())) + "."


def text(rows: Sequence[Row]) -> str:
    """Writes one aligned table per group, for the terminal."""
    lines = []
    for group in dict.fromkeys(row.group for row in rows):
        table = [_HEADINGS, *(cells(row) for row in rows if row.group == group)]
        widths = [max(len(line[i]) for line in table) for i in range(len(_HEADINGS))]
        lines += ["", f"{group}:"]
        lines += [
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths)).rstrip() for line in table
        ]
    return "\n".join(lines)


def cells(row: Row) -> tuple[str, ...]:
    """Returns a row's cells, in the order of the headings."""
    share = row.quantity == SHARE
    ratio = "%.0f %% of it" % (100 * row.ratio) if share else f"{row.ratio:.2f}×"
    if row.runs > 1:
        low, high = ((100 * v if share else v) for v in (row.ratio_low, row.ratio_high))
        ratio += f" ({low:.0f}–{high:.0f})" if share else f" ({low:.2f}–{high:.2f})"
    macs = (row.reference_macs, row.macs)
    return (
        row.case if row.quantity != MEMORY else f"{row.case}: peak memory",
        f"{row.reference}: {quantity(row.reference_value, row.quantity)}",
        f"{row.subject}: {quantity(row.value, row.quantity)}",
        ratio,
        row.goal.text(row.ratio, share) if row.goal else "–",
        "–" if math.isnan(row.difference) else f"{row.difference:.0e}",
        " ÷ ".join(f"{count / 1e9:.1f}" for count in macs) if all(macs) and not share else "–",
    )


def quantity(value: float, kind: str) -> str:
    """Writes a time, a memory size or a rate with its unit."""
    if kind == TIME:
        return f"{value:.2f} s" if value >= 1 else f"{1e3 * value:.1f} ms"
    if kind == MEMORY:
        return f"{value / 2**20:.0f} MiB"
    return f"{2e-9 * value:.1f} GFLOP/s"


def insert(page: Path, mark: str, content: str) -> None:
    """Replaces what stands between `<!-- mark:begin -->` and `<!-- mark:end -->` of a page.

    Raises:
        ValueError: if a mark is missing; the page is then as it was.
        FileNotFoundError: if there is no such page.
    """
    before, after = around_marks(page, mark)
    page.write_text(f"{before}\n\n{content.strip()}\n\n{after}", encoding="utf-8")


def around_marks(page: Path, mark: str) -> tuple[str, str]:
    """Returns a page up to the first mark and from the second on, both included.

    Raises:
        ValueError: if a mark is missing.
        FileNotFoundError: if there is no such page.
    """
    first, last = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    before, begin, rest = page.read_text(encoding="utf-8").partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"{page} lacks {first} or {last}; put both on lines of their own.")
    return before + begin, end + after
