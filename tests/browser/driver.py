"""Real pages in a real browser: Chromium from Debian, driven by playwright-core."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def _missing() -> str:
    absent = [
        name
        for name, found in (("chromium", CHROMIUM), ("node", shutil.which("node")))
        if not found
    ]
    if not (FOLDER / "node_modules" / "playwright-core").is_dir():
        absent.append("playwright-core")
    return ", ".join(absent)


needs_browser = pytest.mark.skipif(
    bool(_missing()), reason=f"no {_missing()}: `make browser` installs what browser tests need"
)


def visit(script: str | Path, *, faults: list[str] | None = None, **arguments: Any) -> Any:
    """Runs a visit in a fresh Chromium and returns what it returned.

    Args:
        script: module that exports `async (page, arguments) => result` by default.
        faults: collects what a user would see as an error in the developer tools. None: any such
            fault fails the test.
        arguments: handed to the visit; anything that JSON holds.
    """
    command = [
        "node",
        str(FOLDER / "visit.mjs"),
        CHROMIUM,
        str(Path(script).resolve()),
        json.dumps(arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    if faults is None:
        assert not answer["faults"], "\n".join(answer["faults"])
    else:
        faults += answer["faults"]
    return answer["result"]
