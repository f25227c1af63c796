"""One run per folder: a lock that the kernel releases when the process dies, however it dies."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from paddle_ann.checkpoint.files import explain, make_folder

LOCK_FILE = ".run.lock"

_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
_held: set[RunLock] = set()


class RunLock:
    """Keeps a second run out of a folder, as a context manager or by `acquire` and `release`.

    The lock is `flock` on the file `.run.lock`, so there is none to clear after a crash. It belongs
    to the process that took it: readers forked from it let go of it at birth, and one that
    outlives the training keeps nobody out.

    Args:
        folder: Of the run (`save_dir`); made if it is missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / LOCK_FILE
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            RuntimeError: If another run has it; with that run's process and host.
            FileExistsError: If the folder is a file.
            CheckpointWriteError: If the folder is not writable.

        Warns:
            RuntimeWarning: If the file system has no locks; then nothing keeps others out.
        """
        if self._descriptor is not None:
            return
        make_folder(self.path.parent)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise explain(error, self.path) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _read_holder(descriptor)
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise RuntimeError(_refusal(self.path.parent, holder)) from None
            if error.errno not in _UNSUPPORTED:
                raise
            warnings.warn(
                f"{self.path.parent} is on a file system without locks ({error.strerror}): nothing "
                "keeps a second run out of it. Start only one.",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        self._descriptor = descriptor
        _held.add(self)
        _write_holder(descriptor)

    def release(self) -> None:
        """Let go of the lock; nothing happens without it. The file stays."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            _held.discard(self)
            os.close(descriptor)

    def __enter__(self) -> RunLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _write_holder(descriptor: int) -> None:
    """Leave a note for the one who is refused; the lock holds without it (a full disk)."""
    note = json.dumps({"pid": os.getpid(), "host": socket.gethostname()}) + "\n"
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note.encode("ascii"), 0)


def _read_holder(descriptor: int) -> dict[str, Any]:
    try:
        note = json.loads(os.pread(descriptor, 1000, 0))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _refusal(folder: Path, holder: dict[str, Any]) -> str:
    who = f"process {holder.get('pid', 'unknown')} on host {holder.get('host', 'unknown')}"
    if holder.get("pid") == os.getpid() and holder.get("host") == socket.gethostname():
        who = "this very process"
    return (
        f"{folder} is in use by another run: {who}. Two runs in one folder overwrite each other's "
        "checkpoints. Give another save_dir, or wait for that run, or end it."
    )


def _let_go_in_child() -> None:
    """Close a forked child's copies of the descriptors; the parent's lock is not touched."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_let_go_in_child)
