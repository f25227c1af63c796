"""Paths that a user gives: what cannot be read or written there is said before any work is done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

__all__ = ["check_file", "check_folder", "check_path", "check_utf8"]

AnyPath = Union[str, "os.PathLike[str]"]

_DEEPEST = 255  # folders below each other; making more of them takes Python's stack
_SHOWN = 200


def check_path(path: AnyPath, name: str) -> None:
    """Refuses a path under which nothing can be, whether anything is there or not.

    Args:
        path: What was given.
        name: The option or argument it was given by, for the message.

    Raises:
        ValueError: The system refuses the path (too long, say), or it is more than 255 folders
            deep.
    """
    problem = ""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass  # for the caller to judge
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    depth = len(Path(path).parts)
    if not problem and depth > _DEEPEST:
        problem = f"{depth} folders below each other, and {_DEEPEST} are the most"
    if problem:
        raise ValueError(f"{name} {_short(path)} cannot be a path: {problem}. Give another one.")


def check_utf8(path: AnyPath, name: str, program: str) -> None:
    """Refuses a path of bytes that are no UTF-8, which many a library cannot be given.

    Args:
        path: What was given.
        name: What it is, for the message.
        program: Who cannot open it.

    Raises:
        ValueError: It shows the path with its odd bytes escaped.
    """
    try:
        os.fspath(path).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"{name} {os.fspath(path)!a} has a name that is not in UTF-8, which {program} cannot "
            "open. Rename it."
        ) from None


def check_folder(path: AnyPath, name: str) -> None:
    """Refuses a folder to write into that is none and cannot be made one.

    Raises:
        FileExistsError: It, or what should hold it, is a file.
        ValueError: See `check_path`; or it leads back (..) out of a folder that is not there.
    """
    check_path(path, name)
    if os.path.lexists(path) and not os.path.isdir(path):
        raise FileExistsError(f"{name} {path} is a file, not a folder. Give another one.")
    _check_parents(path, name)


def check_file(path: AnyPath, name: str) -> None:
    """Refuses a file to write that is a folder, or that no folder can hold.

    Raises:
        FileExistsError: It is a folder, or what should hold it is a file.
        ValueError: See `check_folder`.
    """
    if not os.fspath(path):
        raise ValueError(f"{name} is empty; give the name of a file.")
    check_path(path, name)
    if os.path.isdir(path):
        raise FileExistsError(f"{name} {path} is a folder; give the name of a file.")
    _check_parents(path, name)


def _check_parents(path: AnyPath, name: str) -> None:
    missing = Path(path).absolute()
    for parent in missing.parents:
        if not os.path.lexists(parent):
            continue
        if not os.path.isdir(parent):
            raise FileExistsError(
                f"{name} {path} cannot be made: {parent} is a file, not a folder. Give another one."
            )
        if ".." in missing.relative_to(parent).parts:
            raise ValueError(
                f"{name} {path} leads back (..) out of a folder that does not exist. Leave both "
                "out of it."
            )
        return


def _short(path: AnyPath) -> str:
    shown = ascii(os.fspath(path))
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}… ({len(shown)} letters)"
