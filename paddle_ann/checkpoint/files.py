"""Files that outlive the process: written to the disk before anything depends on them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
_CHUNK = 1 << 20


class CheckpointWriteError(OSError):
    """A checkpoint could not be written; those that were there are as they were."""


def walk_files(folder: Path) -> list[str]:
    """List the files below a folder, sorted, as relative paths with `/`; links are not followed."""
    found = []
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        found += [Path(root, name).relative_to(folder).as_posix() for name in files + links]
    return sorted(found)


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system can do that."""
    try:
        _sync(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Wait until a folder, its files and its subfolders are on the disk."""
    for root, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync_file(Path(root, name))
        sync_folder(Path(root))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Replace a file in one step: its name stands for the old content or for the whole new one.

    Args:
        path: The file; it need not be there, its folder must.

    Yields:
        A name beside it to write to. It is renamed once it is on the disk; where writing fails,
        it is removed, and `path` is as it was.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        yield draft
        sync_file(draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def size_of(folder: Path) -> int:
    """Sum the bytes of the files below a folder."""
    return sum(os.lstat(folder / name).st_size for name in walk_files(folder))


def remove(path: Path) -> None:
    """Remove a folder with its content, or a link to one (then the link alone)."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)


def make_folder(folder: Path) -> None:
    """Make a folder with its parents; a file that stands there is left alone.

    Raises:
        FileExistsError: If something that is no folder has this name.
        CheckpointWriteError: If the folder cannot be made.
    """
    if not folder.is_dir() and (folder.exists() or folder.is_symlink()):
        raise FileExistsError(
            f"{folder} is a file, but checkpoints need a folder of this name. Move the file away, "
            "or give another save_dir."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _STORAGE:
            raise explain(error, folder) from error
        raise FileExistsError(
            f"{folder} cannot be made a folder ({error}). Give another save_dir."
        ) from error


def explain(error: OSError, path: Path, written: int = 0, needed: int = 0) -> OSError:
    """Say what stopped a checkpoint from being written, and what to do.

    Args:
        error: What the system answered.
        path: The checkpoint that was to be written.
        written: Bytes written before.
        needed: Bytes of the checkpoint before it, 0 if there is none.

    Returns:
        The error to raise: a `CheckpointWriteError` of the same number where the storage is at
        fault, else the error itself.
    """
    if error.errno not in _STORAGE:
        return error
    cause = (
        "No space is left for it (the disk, a quota or a limit on file sizes is full): free some, "
        "keep fewer checkpoints (keep_checkpoint_max), or give a save_dir on another disk."
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        else "The folder must be writable: change its permissions or mount, or give another "
        "save_dir."
    )
    sizes = f"{written:,} bytes were written"
    sizes += f", {needed:,} are needed (as the last one)" if needed else ""
    sizes += f", {_free_bytes(path):,} are free"
    return CheckpointWriteError(
        error.errno,
        f"{os.strerror(error.errno)}. The checkpoint was not written ({sizes}). Earlier ones are "
        f"as they were. {cause} Training can go on from the last checkpoint",
        str(path),
    )


def _free_bytes(path: Path) -> int:
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free
