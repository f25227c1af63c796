"""The pages of docs/guide, taken apart: what is saved, run and printed, and what the test shortens.

The table under "How this page is tested" at the end of each page is read here; there is no other
list of what is shortened or left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs/guide").glob("[0-9]-*.md"))
HEADING = "\n## How this page is tested\n"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ROW = re.compile(r"^\| `(?P<old>[^`]+)` \| (?P<cell>.+) \|$", re.MULTILINE)
_SAVED = re.compile(r"# (?P<path>[\w./-]+\.(?:py|yml))\n")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]\d+)?|\bnan\b")


class Row(NamedTuple):
    """One line of the table: `old` stands in exactly one command."""

    old: str
    kind: str  # replaced, not run, opened
    new: str  # the replacement, the reason, or the address that is asked for


class Step(NamedTuple):
    """One thing that the reader does, or (kind printed) sees."""

    kind: str  # saved, command, script, printed
    line: int
    text: str  # as the page has it
    path: str = ""  # of a saved file
    run: str = ""  # as the test runs it
    skipped: str = ""  # why it does not
    opened: str = ""  # a server: the address that is asked for while it runs
    code: int = 0  # that the command ends with; the page says so behind it


def rows(page: str) -> list[Row]:
    """The table at the end of a page."""
    _, found, table = page.partition(HEADING)
    if not found:
        raise ValueError(f"the heading {HEADING.strip()!r} is missing")
    return [_row(match["old"], match["cell"]) for match in _ROW.finditer(table)]


def _row(old: str, cell: str) -> Row:
    if cell.startswith("`") and cell.endswith("`") and cell.count("`") == 2:
        return Row(old, "replaced", cell[1:-1])
    kind, separator, rest = cell.partition(": ")
    if kind not in ("not run", "opened") or not separator:
        raise ValueError(f"{cell!r} is neither `code`, nor 'not run: …', nor 'opened: …'")
    return Row(old, kind, rest.strip("`") if kind == "opened" else rest)


def steps(page: str) -> list[Step]:
    """What a page says, in its order, with its own table applied."""
    found = _plain_steps(page)
    for row in rows(page):
        hits = [n for n, step in enumerate(found) if _runs(step) and row.old in step.text]
        if len(hits) != 1:
            lines = [found[n].line for n in hits]
            raise ValueError(f"{row.old!r} of the table must be in one command; found in {lines}")
        found[hits[0]] = _applied(row, found[hits[0]])
    return found


def _runs(step: Step) -> bool:
    return step.kind in ("command", "script")


def _applied(row: Row, step: Step) -> Step:
    if row.kind == "not run":
        return step._replace(skipped=row.new)
    if row.kind == "opened":
        return step._replace(opened=row.new)
    if row.old not in step.run:
        raise ValueError(f"{row.old!r}: an earlier row of the table has replaced it")
    return step._replace(run=step.run.replace(row.old, row.new))


def _plain_steps(page: str) -> list[Step]:
    found: list[Step] = []
    for match in _FENCE.finditer(page):
        language, text = match[1], match[2]
        line = page.count("\n", 0, match.start()) + 2
        saved = _SAVED.match(text)
        if language == "bash":
            found += [
                Step("command", n + line, t, run=t, code=_code(t)) for n, t in _commands(text)
            ]
        elif language in ("python", "yaml") and saved:
            found.append(Step("saved", line, text, saved["path"]))
        elif language == "python":
            found.append(Step("script", line, text, run=text))
        elif language == "text":
            found.append(Step("printed", line, text))
        else:
            raise ValueError(f"line {line}: a block of {language!r} that nothing is done with")
    return found


def _commands(block: str) -> list[tuple[int, str]]:
    """The commands of a bash block, continued lines joined, each with its line's number."""
    found, begun, start = [], "", 0
    for number, line in enumerate(block.splitlines()):
        start = start if begun else number
        begun += line
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip() + " "
            continue
        if begun.strip() and not begun.lstrip().startswith("#"):
            found.append((start, re.sub(r"\s+", " ", begun.strip())))
        begun = ""
    if begun:
        raise ValueError(f"a command goes on beyond its block: {begun!r}")
    return found


def _code(command: str) -> int:
    said = re.search(r"# ends with code (\d+)$", command)
    return int(said[1]) if said else 0


def skeleton(text: str) -> str:
    """A text without its numbers and spaces: what is the same in a shorter run."""
    return re.sub(r"[\s#-]+", " ", _NUMBER.sub("#", text)).strip()


def unprinted(excerpt: str, output: str) -> list[str]:
    """The lines of an excerpt that an output does not have, whatever the numbers; … is any text."""
    printed = skeleton(output)
    missing = []
    for line in excerpt.splitlines():
        parts = [re.escape(part) for part in map(skeleton, line.split("…")) if part]
        if parts and not re.search(".{0,200}?".join(parts), printed):
            missing.append(line)
    return missing
