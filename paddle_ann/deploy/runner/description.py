"""What a bundle says about itself, read as from a stranger: `bundle.json` and `SHA256SUMS`."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from .steps import check_steps

FORMAT = "paddle_ann bundle 1"
SUMS, DESCRIPTION = "SHA256SUMS", "bundle.json"
OUTPUTS = ("argmax", "softmax", "logits")


def read_description(folder: Path) -> dict[str, Any]:
    """Read and check a bundle's description and the checksums of it and the graph.

    Returns:
        classes (names), palette (R, G, B for each), preprocessing (full steps), outputs, and more.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if one is damaged, or is not what it should be.
    """
    for name in (SUMS, DESCRIPTION):
        if not os.path.isfile(folder / name):  # nor where the system refuses the path
            raise FileNotFoundError(f"{folder / name} is missing; {folder} is no whole bundle.")
    sums = read_sums(folder)
    content = (folder / DESCRIPTION).read_bytes()
    check_sum(folder / DESCRIPTION, content, sums)
    try:
        description = json.loads(content.decode("utf-8"))
        _check_description(description)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{folder / DESCRIPTION} is no JSON: {error}.") from None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / DESCRIPTION}: {error} is missing or of no use.") from None
    description["preprocessing"] = check_steps(description["preprocessing"])
    return dict(description)


def _check_description(description: Any) -> None:
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(f"{DESCRIPTION} is not of the format {FORMAT!r}, which this script reads.")
    names, colors, outputs = (description[key] for key in ("classes", "palette", "outputs"))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not names:
        raise ValueError(f"{DESCRIPTION}: classes must be a list of names.")
    if not isinstance(colors, list) or len(colors) != len(names) or not all(map(_is_color, colors)):
        raise ValueError(f"{DESCRIPTION}: palette must hold R, G, B from 0 to 255 for each class.")
    if not isinstance(outputs, list) or not outputs or set(outputs) - set(OUTPUTS):
        raise ValueError(f"{DESCRIPTION}: outputs must be of {', '.join(OUTPUTS)}.")


def _is_color(color: Any) -> bool:
    return (
        isinstance(color, list)
        and len(color) == 3
        and all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 255 for v in color)
    )


def read_sums(folder: Path) -> dict[str, str]:
    """Read the SHA-256 of each file of a bundle, by name.

    Raises:
        ValueError: if the list is damaged, or names a file outside of the folder.
    """
    found = {}
    for line in (folder / SUMS).read_bytes().decode("utf-8", "replace").splitlines():
        match = re.fullmatch(r"([0-9a-f]{64})  ([\w.-]+(/[\w.-]+)?)", line)
        if match is None or ".." in match[2].split("/"):
            raise ValueError(f"{folder / SUMS}: the line {line[:99]!r} is no checksum and name.")
        found[match[2]] = match[1]
    return found


def check_sum(path: Path, content: bytes, sums: dict[str, str]) -> None:
    """Raise ValueError unless the content is the one that was exported."""
    if path.name not in sums:
        raise ValueError(f"{path.parent / SUMS} has no checksum of {path.name}.")
    if hashlib.sha256(content).hexdigest() != sums[path.name]:
        raise ValueError(
            f"{path} is not what was exported: its SHA-256 is another than in {SUMS}. It is "
            "damaged, cut off or changed; copy the bundle again."
        )
