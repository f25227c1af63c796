"""Makes the pictures of docs/report.md: python -m tests.report.screenshots REPORT PAGE FOLDER.

REPORT is a folder of tools/val.py --report, PAGE one of tools/compare.py --html.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from tests.browser.driver import visit

HERE = Path(__file__).parent
# Sections by their number on the page, from and to; None: as much as fits on a screen.
REPORT = {
    "report": (0, 3),
    "report_matrix": (4, 4),
    "report_more": (6, 6),
    "report_worst": (7, None),
}
COMPARISON = {"report_compare": (0, 5)}


def main(report: str, comparison: str, folder: str) -> None:
    """Takes them."""
    for page, parts in ((Path(report, "report.html"), REPORT), (Path(comparison), COMPARISON)):
        paths = {str(Path(folder, f"{name}.png").resolve()): part for name, part in parts.items()}
        visit(HERE / "screenshots.mjs", url=page.resolve().as_uri(), parts=paths, width=1240)
        for path in paths:
            with Image.open(path) as picture:
                small = picture.convert("RGB")
            small.save(path, optimize=True)
            print(path, small.size, Path(path).stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
