"""README_CN.md says what README.md says: commands, headings, pictures, links, code and figures."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENGLISH, CHINESE = "README.md", "README_CN.md"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """One fenced block: its language, its lines without comments, and where it begins."""

    language: str
    lines: tuple[str, ...]
    line: int


def blocks(text: str) -> list[Block]:
    return [
        Block(m[1], _without_comments(m[2]), text.count("\n", 0, m.start()) + 1)
        for m in _FENCE.finditer(text)
    ]


def _without_comments(code: str) -> tuple[str, ...]:
    lines = (re.sub(r"(^|\s+)#.*$", "", line) for line in code.splitlines())
    return tuple(line.rstrip() for line in lines if line.strip())


def differing_block(english: str, chinese: str) -> str:
    """Says which block is the first to differ, and how; '' if none is."""
    pairs = zip_longest(blocks(english), blocks(chinese))
    for number, (ours, theirs) in enumerate(pairs, 1):
        if ours is None or theirs is None:
            name, there = (CHINESE, theirs) if ours is None else (ENGLISH, ours)
            return f"block {number} is in {name} alone, line {there.line}:\n" + "\n".join(
                there.lines
            )
        if ours[:2] != theirs[:2]:
            names = [f"{n} line {b.line} ({b.language})" for n, b in zip(NAMES, (ours, theirs))]
            diff = difflib.unified_diff(ours.lines, theirs.lines, *names, lineterm="")
            return f"block {number} differs, {' and '.join(names)}:\n" + "\n".join(diff)
    return ""


NAMES = (ENGLISH, CHINESE)


def prose(text: str) -> str:
    return _FENCE.sub("", text)


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ .*$", prose(text), re.MULTILINE)


def targets(text: str) -> Counter[str]:
    """Where links lead; the two files' links to each other are left out."""
    found = re.findall(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)]+)\)", prose(text))
    return Counter(target for target in found if target not in NAMES)


def pictures(text: str) -> list[str]:
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)


def code(text: str) -> Counter[str]:
    """What stands in backquotes within the text, however its lines are broken."""
    spans = re.findall(r"`([^`]+)`", prose(text))
    return Counter(dict.fromkeys((re.sub(r"\s+", " ", span) for span in spans), 1))


def figures(text: str) -> list[list[str]]:
    """The numbers in each row of a table."""
    rows = [line for line in prose(text).splitlines() if line.startswith("|")]
    return [re.findall(r"\d+(?:\.\d+)?", row) for row in rows]


@pytest.fixture(scope="module")
def english() -> str:
    return (ROOT / ENGLISH).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chinese() -> str:
    return (ROOT / CHINESE).read_text(encoding="utf-8")


def test_commands_are_the_same(english: str, chinese: str) -> None:
    difference = differing_block(english, chinese)
    assert not difference, difference


def test_headings_are_on_the_same_levels(english: str, chinese: str) -> None:
    ours, theirs = headings(english), headings(chinese)
    beside = "\n".join(f"{a:42} {b}" for a, b in zip_longest(ours, theirs, fillvalue="(none)"))
    assert [a.split(" ")[0] for a in ours] == [b.split(" ")[0] for b in theirs], beside


def test_pictures_are_the_same(english: str, chinese: str) -> None:
    assert pictures(english) == pictures(chinese)


@pytest.mark.parametrize("of", [targets, code], ids=["links", "code within the text"])
def test_links_and_code_are_the_same(of, english: str, chinese: str) -> None:
    ours, theirs = of(english), of(chinese)
    assert ours == theirs, (
        f"in {ENGLISH} alone: {sorted((ours - theirs).elements())}; "
        f"in {CHINESE} alone: {sorted((theirs - ours).elements())}"
    )


def test_figures_in_tables_are_the_same(english: str, chinese: str) -> None:
    rows = [line for line in prose(english).splitlines() if line.startswith("|")]
    pairs = zip_longest(figures(english), figures(chinese))
    for row, (ours, theirs) in zip_longest(rows, pairs, fillvalue=""):
        assert ours == theirs, f"the row of {ENGLISH} {row!r} has other figures in {CHINESE}"


def test_links_of_the_chinese_page_exist(chinese: str) -> None:
    missing = [t for t in targets(chinese) if "://" not in t and not (ROOT / t).exists()]
    assert not missing


def test_the_message_names_the_block_that_differs() -> None:
    text = "```bash\nmake a  # one\n```\n\n```bash\nmake b\n```\n"
    assert differing_block(text, text.replace("# one", "# 一")) == ""
    message = differing_block(text, text.replace("make b", "make c"))
    assert "block 2 differs, README.md line 5 (bash) and README_CN.md line 5" in message
    assert "-make b" in message and "+make c" in message
    message = differing_block(text, text.partition("\n\n")[0])
    assert message == "block 2 is in README.md alone, line 5:\nmake b"
