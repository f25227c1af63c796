"""What is in an archive, tar or zip, one entry after the other; nothing is unpacked here."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

FILE, FOLDER = "file", "folder"
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z", b"Rar!": "rar"}


class Suspect(Exception):
    """The archive holds what it should not."""


@dataclass(frozen=True)
class Entry:
    """One entry, as the archive describes it.

    Attributes:
        name: its path in the archive, unchecked.
        size: length in bytes, as announced.
        kind: FILE, FOLDER, or what else it is, in words.
        open: opens its content; of a compressed tar, going back is slow.
    """

    name: str
    size: int
    kind: str
    open: Callable[[], IO[bytes]]


@contextlib.contextmanager
def entries_of(archive: Path, cap: int) -> Iterator[tuple[Iterator[Entry], Callable[[], int]]]:
    """Open an archive.

    Args:
        archive: A tar, tar.gz or zip file; told by its first bytes, not by its name.
        cap: Bytes that may be read at once: tarfile reads long names in one piece, zipfile the
            list of its entries.

    Yields:
        The entries, and a function that tells how many bytes of the archive have been read.
    """
    with open(archive, "rb") as file:
        start = file.read(6)
        file.seek(0)
        for magic, name in _OTHERS.items():
            if start.startswith(magic):
                raise Suspect(f"it is packed by {name}; tar, tar.gz and zip are unpacked here")
        if start.startswith(_ZIP):
            yield _of_zip(_Capped(file, cap)), file.tell
        else:
            packed = gzip.GzipFile(fileobj=file) if start.startswith(_GZIP) else file
            yield _of_tar(_Capped(packed, cap)), file.tell


def is_archive(path: Path) -> bool:
    """Whether a file is one that `entries_of` opens, or one of another kind of archive."""
    with open(path, "rb") as file:
        start = file.read(6)
        file.seek(257)
        return start.startswith((_ZIP, _GZIP, *_OTHERS)) or file.read(5) == b"ustar"


class _Capped(io.RawIOBase):
    """A file for tarfile and zipfile to read, which refuses to read very much at once."""

    def __init__(self, file: Any, cap: int) -> None:
        self._file, self._cap = file, cap

    def read(self, size: int = -1) -> bytes:
        if size < 0:  # to the end, which zipfile seeks first
            content = self._file.read(self._cap + 1)
            size = len(content)
        else:
            content = b"" if size > self._cap else self._file.read(size)
        if size > self._cap:
            raise Suspect(f"it asks to read {size} bytes at once, more than {self._cap}")
        return content

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _of_tar(file: Any) -> Iterator[Entry]:
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            kind = f"no plain file (type {member.type!r})"
            if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
                kind = FILE
            elif member.isdir():
                kind = FOLDER
            yield Entry(member.name, member.size, kind, partial(_tar_content, tar, member))


def _tar_content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return tar.extractfile(member) or io.BytesIO()


def _of_zip(file: Any) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            name, size = member.filename, member.file_size
            yield Entry(name, size, _zip_kind(member), partial(archive.open, member))


def _zip_kind(member: zipfile.ZipInfo) -> str:
    """Links and devices are told by the mode that Unix keeps in a zip."""
    mode = stat.S_IFMT(member.external_attr >> 16)
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"no plain file (mode {mode:o})"
    if member.flag_bits & 1:
        return "encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"packed by method {member.compress_type}, which is not read"
    return FOLDER if member.is_dir() else FILE
