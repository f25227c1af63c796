"""Takes files out of an archive, tar or zip, without trusting it.

`tarfile`'s own filter='data' is missing from Python 3.9.0-3.9.16, 3.10.0-3.10.11 and
3.11.0-3.11.3, which this package supports, and zipfile has no limits. So nothing is extracted by
them: they read, and plain files are written here, under names that were checked. Links and devices
are never made, and an archive within an archive stays the file that it is.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .entries import FILE, FOLDER, Entry, Suspect, entries_of
from .files import bar

_CHUNK = 1 << 20
_PART = ".unpacking.part"  # what is written now, in the folder; it gets its name when it is whole
_SMALL = 64 << 20  # bytes; below this no archive is a bomb

_DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error),
    *(EOFError, OverflowError, NotImplementedError, UnicodeDecodeError),
)


@dataclass(frozen=True)
class Caps:
    """What an archive may hold at most; VOC 2012 has 40 thousand entries and 2 GB.

    Attributes:
        entries: Number of entries.
        file_size: Bytes of one file that is taken out.
        total_size: Bytes of all entries, taken out or not.
        read: Bytes that tarfile or zipfile may ask for at once.
        ratio: How many bytes may come out of one of the archive, beyond the first 64 MB.
    """

    entries: int = 200_000
    file_size: int = 64 << 20
    total_size: int = 16 << 30
    read: int = 64 << 20
    ratio: float = float("inf")


def extract(
    archive: Path,
    folder: Path,
    wanted: Callable[[PurePosixPath], PurePosixPath | None],
    caps: Caps | None = None,
) -> dict[str, int]:
    """Writes the wanted files of a tar, tar.gz or zip archive below `folder`.

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
    length = archive.stat().st_size
    try:
        with (
            entries_of(archive, caps.read) as (entries, position),
            bar(f"unpacking {archive.name}", length, "B") as shown,
        ):
            for entry in _counted(entries, length, caps):
                name = wanted(_checked_name(entry.name))
                if name is not None and entry.kind != FOLDER:
                    _take(entry, name, folder, sizes, caps)
                shown.update(position() - shown.n)
    except _DAMAGED as error:
        raise ValueError(f"{archive} is damaged: {error}. Fetch it again.") from error
    except Suspect as error:
        raise ValueError(f"{archive} is not used further: {error}") from error
    finally:
        (folder / _PART).unlink(missing_ok=True)
    return sizes


def _counted(entries: Iterator[Entry], length: int, caps: Caps) -> Iterator[Entry]:
    """Pass entries on until there are too many of them, or too large ones."""
    count = total = 0
    for entry in entries:
        count, total = count + 1, total + max(entry.size, 0)
        if count > caps.entries:
            raise Suspect(f"it has more than {caps.entries} entries")
        if total > caps.total_size:
            raise Suspect(f"its entries have more than {caps.total_size} bytes")
        if total > _SMALL + caps.ratio * length:
            raise Suspect(f"its entries have {total} bytes, more than {caps.ratio} times its own")
        yield entry


def _checked_name(text: str) -> PurePosixPath:
    name = PurePosixPath(text)
    if name.is_absolute() or ".." in name.parts or "\\" in text or "\0" in text:
        raise Suspect(f"the name {text!r} leads out of the folder")
    return name


def _take(
    entry: Entry, name: PurePosixPath, folder: Path, sizes: dict[str, int], caps: Caps
) -> None:
    if entry.kind != FILE:
        raise Suspect(f"{entry.name!r} is {entry.kind}")
    if not 0 <= entry.size <= caps.file_size:
        raise Suspect(f"{entry.name!r} has {entry.size} bytes, more than {caps.file_size}")
    if str(name) in sizes:
        raise Suspect(f"{entry.name!r} comes twice")
    target = folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not _is_there(entry, target):
            _write(entry, folder / _PART)
            os.replace(folder / _PART, target)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Suspect(f"{entry.name!r} is a file and a folder") from None
    sizes[str(name)] = entry.size


def _is_there(entry: Entry, target: Path) -> bool:
    """Whether the file has these bytes already."""
    if not target.is_file() or target.stat().st_size != entry.size:
        return False
    with open(target, "rb") as file:
        return all(chunk == file.read(len(chunk)) for chunk in _content(entry))


def _write(entry: Entry, part: Path) -> None:
    with open(part, "wb") as file:
        for chunk in _content(entry):
            file.write(chunk)


def _content(entry: Entry) -> Iterator[bytes]:
    """Read an entry to its announced end, which must be its end."""
    left = entry.size
    with entry.open() as source:
        while left:
            chunk = source.read(min(_CHUNK, left))
            if not chunk:
                raise Suspect(f"it ends within {entry.name!r}")
            left -= len(chunk)
            yield chunk
        if source.read(1):
            raise Suspect(f"{entry.name!r} is longer than its {entry.size} bytes")
