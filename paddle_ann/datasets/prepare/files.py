"""Files that are whole or not there, room on the disk, progress, and one run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

_MARGIN = 64 << 20  # bytes left free for everybody else


def say(text: str) -> None:
    """Prints a line at once, so that it stands in order among the bars of progress."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


def bar(what: str, total: int | None, unit: str, done: int = 0) -> Any:
    """Returns a tqdm bar: amount, rate and time left; in a log file a line every 10 s.

    Args:
        what: Name before the bar.
        total: Amount at the end, None if unknown.
        unit: 'B' for bytes, which get prefixes, or what is counted.
        done: Amount that is there already.
    """
    return tqdm(
        total=total,
        initial=done,
        desc=what,
        unit=unit if unit == "B" else f" {unit}",
        unit_scale=unit == "B",
        unit_divisor=1000,
        mininterval=0.2 if sys.stderr.isatty() else 10.0,
        file=sys.stderr,
    )


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file through a `.part` beside it, so that its name never stands for half of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)


def place(staged: Path, final: Path) -> None:
    """Gives a finished file or folder its final name, in a way that survives a power cut."""
    final.parent.mkdir(parents=True, exist_ok=True)
    _sync(staged)
    os.rename(staged, final)
    _sync(final.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_of(folder: Path) -> int:
    """Returns the bytes of all files below a folder; 0 if it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def require_space(folder: Path, amount: int, what: str) -> None:
    """Raises RuntimeError if fewer than `amount` bytes (and a margin) are free in `folder`."""
    free = shutil.disk_usage(folder).free
    if free < amount + _MARGIN:
        raise RuntimeError(
            f"{what} needs {(amount + _MARGIN) / 1e9:.2f} GB in {folder}, and {free / 1e9:.2f} GB "
            "are free. Make room or choose another --root; what is there already is kept."
        )


def no_root(root: Path, error: OSError) -> ValueError:
    """The error of a root that the system refuses."""
    return ValueError(
        f"{root} cannot be the root of the data: {error.strerror or error}. "
        "Give another folder (--root)."
    )


@contextlib.contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which the kernel takes back from a killed process by itself.

    Raises:
        RuntimeError: Another run holds it.
        ValueError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise no_root(folder.parent, error) from error
    with open(folder / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise RuntimeError(
                f"another run is preparing {folder.parent} (process {lock.read().strip()}); "
                "nothing was changed. Wait for its end, or stop it and start this again."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
