"""docs/README.md lists every page of docs once, in one line that says what it is for."""

from __future__ import annotations

import re
from collections import Counter

from tests.guides.pages import ROOT

DOCS = ROOT / "docs"
TEXT = (DOCS / "README.md").read_text(encoding="utf-8")


def test_every_page_is_listed_once() -> None:
    listed = Counter(re.findall(r"^- \[[^\]]+\]\(([^)]+)\): \S.{9,}$", TEXT, re.MULTILINE))
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"README.md"}
    assert pages == set(listed), (
        f"pages that docs/README.md does not list: {sorted(pages - set(listed))}; "
        f"listed pages that do not exist: {sorted(set(listed) - pages)}"
    )
    assert set(listed.values()) == {1}


def test_its_links_exist() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", TEXT)
    assert not [target for target in targets if not (DOCS / target).exists()]
