"""Takes files out of a tar archive without trusting it.

`tarfile`'s own filter='data' is missing from Python 3.9.0-3.9.16, 3.10.0-3.10.11 and
3.11.0-3.11.3, which this package supports. So nothing is extracted by tarfile: it reads, and plain
files are written here, under names that were checked. Links and devices are never made.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from .files import bar, write_whole

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Caps:
    """What an archive may hold at most; VOC 2012 has 40 thousand entries and 2 GB.

    Attributes:
        entries: Number of entries.
        file_size: Bytes of one file that is taken out.
        total_size: Bytes of all entries, taken out or not.
        read: Bytes that tarfile may ask for at once: it reads long names in one piece.
    """

    entries: int = 200_000
    file_size: int = 64 << 20
    total_size: int = 16 << 30
    read: int = 64 << 20


def extract(
    archive: Path,
    folder: Path,
    wanted: Callable[[PurePosixPath], PurePosixPath | None],
    caps: Caps | None = None,
) -> dict[str, int]:
    """Writes the wanted files of a tar or tar.gz archive below `folder`.

    A file that is there with the same bytes is left alone, so an interrupted call is completed by
    the next.

    Args:
        archive: The archive.
        folder: Folder to write below.
        wanted: Turns a name in the archive into the one below `folder`, or None to pass over it.
        caps: Limits; None: the default ones.

    Returns:
        The size in bytes of each wanted file, by its name below `folder`.

    Raises:
        ValueError: The archive is damaged, or holds what no data set holds: a name that leads out
            of the folder, a link or device among the wanted files, a name twice, or more or larger
            entries than the caps allow. Nothing outside `folder` was touched.
    """
    caps = caps or Caps()
    sizes: dict[str, int] = {}
    entries = total = 0
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(archive, "rb"))
            shown = stack.enter_context(
                bar(f"unpacking {archive.name}", archive.stat().st_size, "B")
            )
            tar = stack.enter_context(tarfile.open(fileobj=_reader(file, caps), mode="r:"))
            for member in tar:
                entries, total = entries + 1, total + max(member.size, 0)
                _check_amount(entries, total, caps)
                name = wanted(_checked_name(member.name))
                if name is not None and not member.isdir():
                    _take(tar, member, name, folder, sizes, caps)
                shown.update(file.tell() - shown.n)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, OverflowError) as error:
        raise ValueError(f"{archive} is damaged: {error}. Fetch it again.") from error
    except _Suspect as error:
        raise ValueError(f"{archive} is not used further: {error}") from error
    return sizes


class _Suspect(Exception):
    """The archive holds what it should not."""


def _take(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    name: PurePosixPath,
    folder: Path,
    sizes: dict[str, int],
    caps: Caps,
) -> None:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        raise _Suspect(f"{member.name!r} is no plain file (type {member.type!r})")
    if not 0 <= member.size <= caps.file_size:
        raise _Suspect(f"{member.name!r} has {member.size} bytes, more than {caps.file_size}")
    if str(name) in sizes:
        raise _Suspect(f"{member.name!r} comes twice")
    source = tar.extractfile(member)
    content = source.read() if source else b""
    if len(content) != member.size:
        raise _Suspect(f"it ends within {member.name!r}")
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (target.is_file() and target.read_bytes() == content):
            write_whole(target, content)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise _Suspect(f"{member.name!r} is a file and a folder") from None
    sizes[str(name)] = member.size


def _check_amount(entries: int, total: int, caps: Caps) -> None:
    if entries > caps.entries:
        raise _Suspect(f"it has more than {caps.entries} entries")
    if total > caps.total_size:
        raise _Suspect(f"its entries have more than {caps.total_size} bytes")


def _checked_name(text: str) -> PurePosixPath:
    name = PurePosixPath(text)
    if name.is_absolute() or ".." in name.parts or "\\" in text or "\0" in text:
        raise _Suspect(f"the name {text!r} leads out of the folder")
    return name


def _reader(file: IO[bytes], caps: Caps) -> _Capped:
    start = file.read(2)
    file.seek(0)
    return _Capped(gzip.GzipFile(fileobj=file) if start == _GZIP else file, caps.read)


class _Capped(io.RawIOBase):
    """A file for tarfile to read, which refuses to read very much at once."""

    def __init__(self, file: Any, cap: int) -> None:
        self._file, self._cap = file, cap

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self._cap:
            raise _Suspect(f"it asks to read {size} bytes at once, more than {self._cap}")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
