"""Where the results of a run go: table, CSV and picture in a folder, and in a page of the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from paddle_ann.benchmark import growth, report
from paddle_ann.benchmark.case import Row


def write(
    rows: Sequence[Row], around: Mapping[str, str], output: Path, page: Path | None, mark: str
) -> list[Path]:
    """Writes everything and returns the files.

    Args:
        rows: what was measured.
        around: the circumstances.
        output: folder for benchmark.md, benchmark.csv and, with a series, performance.png.
        page: a Markdown page that takes the tables between its marks `mark`; CSV and picture are
            written beside it.
        mark: name of those marks, and of the CSV beside the page.
    """
    found = growth.series(rows)
    content = (growth.table(found) if found else "") + "\n\n" + report.markdown(rows, around)
    text, tables, pictures = output / "benchmark.md", [output / "benchmark.csv"], []
    text.write_text(content.strip() + "\n", encoding="utf-8")
    if found:
        pictures.append(output / "performance.png")
    if page is not None:
        report.insert(page, mark, content)
        tables.append(page.with_name(f"{mark}.csv"))
        pictures += [page.parent / "images" / "performance.png"] if found else []
    for path in tables:
        report.write_csv(rows, around, path)
    for path in pictures:
        growth.plot(found, path)
    return [text, *tables, *pictures, *([page] if page else [])]
