"""`metrics.xlsx`: the rows of `metrics.csv` for Excel and LibreOffice."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from paddle_ann.checkpoint.files import replacing
from paddle_ann.engine.metric_file import Table


def check_openpyxl() -> None:
    """See before the training that the file can be written.

    Raises:
        RuntimeError: if openpyxl is not installed.
    """
    if importlib.util.find_spec("openpyxl") is None:
        raise RuntimeError(
            "xlsx needs the package openpyxl, which is not installed: pip install openpyxl. Or "
            "leave it out: metrics.csv holds the same rows."
        )


def write(path: Path, table: Table) -> None:
    """Write the whole table; the file is replaced in one step.

    Args:
        path: the file.
        table: its cells are numbers, or empty.
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("metrics")
    sheet.freeze_panes = "C2"  # epoch, iteration and the header stay in sight
    sheet.append(table.header)
    for row in table.rows:
        sheet.append([_number(cell) for cell in row])
    with replacing(path) as draft:
        book.save(draft)


def _number(cell: str) -> int | float | None:
    if not cell:
        return None
    return int(cell) if cell.lstrip("-").isdecimal() else float(cell)
