"""Takes the pictures of docs/monitoring.md: `python -m tests.monitor.screenshots LOGDIR [FOLDER]`.

LOGDIR holds one training, or several side by side; FOLDER is docs/images unless given.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from paddle_ann.monitor import graph, viewer
from tests.browser.driver import visit
from tests.engine.launcher import core_port


def page(
    route: str, name: str, kind: str, least: int, *groups: str, want: str = "", height: int = 1000
) -> dict:
    """A page as pages.mjs takes it; `groups` are clicked: closed if they are open."""
    wanted = {"route": route, "name": name, "kind": kind, "least": least, "height": height}
    return {**wanted, "groups": list(groups), "want": want}


TOGETHER = [
    page("scalar", "scalars", "canvas", 600, "Epoch", "Train"),
    page("hyper-parameter", "hyper_parameters", "text", 1, want="AdamW", height=500),
    page("pr-curve", "pr_curves", "canvas", 150),
]
ALONE = [
    page("sample/image", "images", "images", 6, "Classes", "Validation image 0", height=1700),
    page("sample/image", "confusion", "images", 2, height=700),
    page("histogram", "histograms", "canvas", 3000),
]
GRAPH = page("graph/dynamic_graph", "graph", "text", 1, want="Model Properties", height=700)


def main(logdir: Path, folder: Path) -> None:
    """Take the pictures of all trainings in LOGDIR, and of the first by itself."""
    first = min(path.parent for path in logdir.rglob("vdlrecords.*.log"))
    alone = [*ALONE, *([GRAPH] if (first / graph.FILE).exists() else [])]
    for shown, pages in ((logdir, TOGETHER), (first, alone)):
        port = core_port()
        with viewer.serving(shown, "127.0.0.1", port, "--cache-timeout", "1"):
            script, url = Path(__file__).with_name("pages.mjs"), f"http://127.0.0.1:{port}"
            answers = visit(script, url=url, pages=pages, folder=str(folder), faults=[])
        for wanted, found in zip(pages, answers):
            file = folder / f"visualdl_{wanted['name']}.png"
            with Image.open(file) as picture:
                picture.convert("RGB").quantize(64).save(file, optimize=True)
            print(
                f"{file}: {file.stat().st_size // 1000} kB, {found['count']} of {wanted['least']}"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "docs/images"))
