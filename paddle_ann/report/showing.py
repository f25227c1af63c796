"""A comparison as a table of text, as JSON and as a page."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from paddle_ann.checkpoint.files import replacing
from paddle_ann.paths import check_file
from paddle_ann.report.comparing import FORMAT
from paddle_ann.report.files import begins_with
from paddle_ann.report.page import MARK, page

SCRIPTS = ("dom.js", "charts.js", "compare.js")


def check_targets(html: str | None, as_json: str | None) -> None:
    """See that the files can be written: what is there already must be of the same kind.

    Raises:
        FileExistsError: if it is something else.
        ValueError: if no file can have this name, or both have the same.
    """
    for path, option, mark in ((html, "--html", MARK), (as_json, "--json", FORMAT)):
        if path is None:
            continue
        check_file(path, option)
        if os.path.lexists(path) and not begins_with(Path(path), mark):
            raise FileExistsError(f"{option} {path} exists and is something else. Give another.")
    if html is not None and as_json is not None and Path(html) == Path(as_json):
        raise ValueError(f"--html and --json are both {html}; give two names.")


def save(found: dict[str, Any], html: str | None, as_json: str | None) -> None:
    """Write a comparison as a page, as JSON, as both or neither."""
    if html is not None:
        names = [Path(found[side]["model"]).parent.name for side in "ab"]
        title = f"Comparison: {names[0]}, {names[1]}"
        _write(html, page(title, SCRIPTS, {"comparison": found}))
    if as_json is not None:
        _write(as_json, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _write(path: str, content: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replacing(Path(path)) as draft:
        draft.write_text(content, encoding="utf-8")


def text(found: dict[str, Any]) -> str:
    """Return a comparison as a table of text."""
    rows = found["rows"]
    width = max(len("boundary IoU"), *(len(row["name"]) for row in rows))
    level = f"{100 * found['bootstrap']['level']:.0f} % interval"
    lines = [f"{'':<{width}}  {'A':>7}  {'B':>7}  {'B - A':>8}  {level:^20}"]
    lines += [_line(row, width) for row in rows]
    same = found["images"] - found["better"] - found["worse"]
    lines += [
        "",
        f"* excludes 0    ** even with the interval for all {len(rows)} differences",
        f"Images: {found['better']} better in B, {found['worse']} worse, {same} neither.",
    ]
    return "\n".join(lines + [f"Note: {warning}" for warning in found["warnings"]])


def _line(row: dict[str, Any], width: int) -> str:
    def cell(value: float | None, form: str, size: int) -> str:
        rounded = None if value is None else round(value, 4) + 0.0  # no -0.0000
        return f"{'absent' if rounded is None else format(rounded, form):>{size}}"

    low, high = row["interval"]
    ends = "" if low is None else f"[{cell(low, '+.4f', 7)}, {cell(high, '+.4f', 7)}]"
    mark = "**" if row["even_of_many"] else "*" if row["excludes_zero"] else ""
    values = cell(row["a"], ".4f", 7), cell(row["b"], ".4f", 7), cell(row["difference"], "+.4f", 8)
    return f"{row['name']:<{width}}  {'  '.join(values)}  {ends:>20} {mark}".rstrip()
