"""Pages of one file: data and the scripts that draw it; they open by a double click, offline.

All that comes from outside (names of files and classes) stays data: scripts put it in as text.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

MARK = "<!DOCTYPE html><!-- made by paddle_ann.report -->"


def page(title: str, scripts: Sequence[str], data: Any) -> str:
    """Return a page.

    Args:
        title: of the window.
        scripts: names of files in `web/`; the last one draws `data`.
        data: what JSON knows.

    Returns:
        HTML, which runs these scripts alone and asks for nothing outside of it.
    """
    web = resources.files(__package__) / "web"
    code = "\n".join((web / name).read_text(encoding="utf-8") for name in scripts)
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    parts = {
        "TITLE": title.replace("&", "&amp;").replace("<", "&lt;"),
        "DIGEST": digest,
        "STYLE": (web / "page.css").read_text(encoding="utf-8"),
        "DATA": _as_data(data),
        "CODE": code,
    }
    pieces = (web / "page.html").read_text(encoding="utf-8").split("@@")
    filled = [parts[piece] if index % 2 else piece for index, piece in enumerate(pieces)]
    return MARK + "".join(filled)


def _as_data(data: Any) -> str:
    """Return JSON that ends no script element and is valid UTF-8, whatever is in its texts."""
    text = json.dumps(data, allow_nan=False)
    return text.replace("<", "\\u003c")
