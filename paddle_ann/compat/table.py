"""The table of faults in docs/compat.md: `python -m paddle_ann.compat.table` writes it."""

from __future__ import annotations

import re
from pathlib import Path

from paddle_ann.compat import fixes

_PART = re.compile(r"(<!-- table: .*? -->\n).*?(<!-- end of table -->)", re.DOTALL)


def table() -> str:
    """Return the registry as a Markdown table."""
    rows = ["| fix | without it | cause | seen with |", "|---|---|---|---|"]
    for fix in fixes():
        cells = (f"`{fix.name}`", fix.symptom, fix.cause, fix.versions)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """Return a document with the table between its two marks."""
    return _PART.sub(lambda marks: marks.group(1) + table() + marks.group(2), text)


if __name__ == "__main__":
    page = Path(__file__).resolve().parents[2] / "docs" / "compat.md"
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
