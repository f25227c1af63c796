"""What was written, so that a later run can tell whole from damaged, and ours from the user's."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from .files import write_whole

Record = dict[str, list]
"""[size, SHA-256 or None] of each file by its name below the folder."""


def take(folder: Path, names: Iterable[str], hashed: Callable[[str], bool]) -> Record:
    """Returns the record of files.

    Args:
        folder: Their folder.
        names: Their names below it.
        hashed: Whether a name's content is recorded too. Labels and lists are a few MB and decide
            what is learned; photographs are 2 GB, which would take longer than seconds.
    """
    return {
        name: [(folder / name).stat().st_size, _sha256(folder / name) if hashed(name) else None]
        for name in sorted(names)
    }


def save(path: Path, record: Record) -> None:
    """Writes a record, after what it records has reached the disk."""
    os.sync()  # once for tens of thousands of files
    write_whole(path, json.dumps(record).encode())


def load(path: Path) -> Record | None:
    """Returns a record, or None if there is none.

    Raises:
        ValueError: The file is no record.
    """
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(size, int) for size, _ in record.values()):
            return record
    except (ValueError, AttributeError, TypeError):
        pass
    raise ValueError(f"{path} is damaged. Remove it and run again.")


def compare(folder: Path, record: Record) -> tuple[list[str], list[str]]:
    """Returns the names of files that are missing, and of those that are not as recorded."""
    missing, other = [], []
    for name, (size, digest) in record.items():
        path = folder / name
        if not path.is_file():
            missing.append(name)
        elif path.stat().st_size != size or (digest is not None and _sha256(path) != digest):
            other.append(name)
    return missing, other


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
