"""The manifest of a checkpoint: what must be in the folder, byte for byte."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from paddle_ann.checkpoint.files import hash_file, walk_files
from paddle_ann.checkpoint.state import STATE_FILE
from paddle_ann.weights import read_weights

MANIFEST = "manifest.json"
FORMAT = 1

# What PaddleSeg's train writes into iter_N, best_model and ema_best_model, and what we add; the
# engine's note that a checkpoint was evaluated comes later and is in no manifest.
WEIGHTS, OPTIMIZER, EMA_WEIGHTS = "model.pdparams", "model.pdopt", "ema_model.pdparams"
OPTIMIZER_NOTES, EVALUATION = "optimizer.json", "evaluation.json"
LAYOUT = frozenset(
    {WEIGHTS, OPTIMIZER, EMA_WEIGHTS, OPTIMIZER_NOTES, EVALUATION, STATE_FILE, MANIFEST}
)

_HASH = re.compile("[0-9a-f]{64}")


def write_manifest(folder: Path, iteration: int | None) -> None:
    """Describe the files of a folder in its `manifest.json`.

    Args:
        folder: A checkpoint whose other files are complete.
        iteration: Its iteration; None if it has none.
    """
    files = {
        name: {"size": os.stat(folder / name).st_size, "sha256": hash_file(folder / name)}
        for name in walk_files(folder)
    }
    content = {
        "format": FORMAT,
        "iteration": iteration,
        "written": datetime.now(timezone.utc).isoformat(timespec="seconds"),  # for people only
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read `manifest.json`; anything unexpected in it is an error.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged or of another format.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="ascii"))
    except (ValueError, RecursionError):
        raise ValueError(f"{MANIFEST} is damaged: it is no JSON") from None
    if not isinstance(content, dict) or "format" not in content:
        raise ValueError(f"{MANIFEST} is damaged: it is no manifest")
    if content["format"] != FORMAT:
        raise ValueError(
            f"{MANIFEST} has format {content['format']!r}; this version reads {FORMAT} only"
        )
    if content.keys() != {"format", "iteration", "written", "files"}:
        raise ValueError(f"{MANIFEST} is damaged: something is missing or too much in it")
    iteration, files = content["iteration"], content["files"]
    if not (iteration is None or type(iteration) is int) or not isinstance(files, dict):
        raise ValueError(f"{MANIFEST} is damaged: no iteration or no list of files")
    if not all(_is_entry(name, entry) for name, entry in files.items()):
        raise ValueError(f"{MANIFEST} is damaged: an entry of its list of files is not as written")
    return content


def _is_entry(name: str, entry: Any) -> bool:
    parts = name.split("/")
    return (
        not {"", ".", ".."} & set(parts)
        and isinstance(entry, dict)
        and type(entry.get("size")) is int
        and isinstance(entry.get("sha256"), str)
        and _HASH.fullmatch(entry["sha256"]) is not None
    )


def find_problem(folder: Path, iteration: int | None = None) -> str | None:
    """Compare a checkpoint with its manifest; without one, read its files as weights.

    Args:
        folder: The checkpoint.
        iteration: The one that its name states; None if the name states none.

    Returns:
        What is wrong, with the file's name; None if it is whole.
    """
    try:
        content = read_manifest(folder)
    except FileNotFoundError:
        return _find_unreadable(folder)
    except (OSError, ValueError) as error:
        return str(error)
    if iteration is not None and content["iteration"] != iteration:
        return (
            f"{MANIFEST} is that of another checkpoint: of iteration {content['iteration']}, not "
            f"{iteration}"
        )
    for name, entry in content["files"].items():
        try:
            problem = _compare(folder / name, entry)
        except OSError as error:
            problem = f"cannot be read: {error}"
        if problem:
            return f"{name} {problem}"
    return None


def _compare(path: Path, entry: dict[str, Any]) -> str | None:
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != entry["size"]:
        return f"has {size:,} bytes, {entry['size']:,} were written: it is cut off or replaced"
    if hash_file(path) != entry["sha256"]:
        return "is damaged: its SHA-256 is not the one in the manifest"
    return None


def _find_unreadable(folder: Path) -> str | None:
    """Check a checkpoint that has no manifest: PaddleSeg's own loop wrote it."""
    names = [name for name in (WEIGHTS, OPTIMIZER, EMA_WEIGHTS) if (folder / name).is_file()]
    if not {WEIGHTS, EMA_WEIGHTS} & set(names):
        return f"there is no {WEIGHTS}"
    for name in names:
        try:
            read_weights(folder / name)
        except (OSError, ValueError) as error:
            return f"no manifest, and {error}"
    return None


def own_files(folder: Path) -> set[str]:
    """Name the files of a checkpoint that are the training's; all others are the user's."""
    try:
        return {*LAYOUT, *read_manifest(folder)["files"]}
    except (OSError, ValueError):
        return set(LAYOUT)
