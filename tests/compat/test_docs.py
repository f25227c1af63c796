"""docs/compat.md shows the registry as it is."""

from __future__ import annotations

from pathlib import Path

from paddle_ann import compat
from paddle_ann.compat.table import with_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compat.md"


def test_the_page_has_the_table():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{fix.name}` |" in text for fix in compat.fixes())
    assert with_table(text) == text, "run `python -m paddle_ann.compat.table`"
