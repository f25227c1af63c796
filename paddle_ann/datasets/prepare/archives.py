"""The two archives: where they come from and how each is recognized."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .files import bar

_CHUNK = 1 << 20


class ChecksumError(ValueError):
    """A file is not what its name says."""


_GIVE_IT = (
    "name a mirror (--voc_url, --sbd_url), or give the archive (--voc_archive, --sbd_archive)"
)


@dataclass(frozen=True)
class Archive:
    """A file that can be downloaded.

    Attributes:
        name: File name.
        md5: Checksum, 32 hexadecimal digits; '' where none is known.
        urls: Addresses, tried in this order.
        size: Roughly the size in bytes, for the look at the free space; never a check.
        sha256: Checksum in place of `md5`, 64 hexadecimal digits.
        otherwise: What a user can do when no address gives it.
    """

    name: str
    md5: str
    urls: tuple[str, ...]
    size: int = 0
    sha256: str = ""
    otherwise: str = _GIVE_IT

    @property
    def checksum(self) -> tuple[str, str]:
        """Kind and hexadecimal digits of the checksum; the digits are '' if none is known."""
        return ("md5", self.md5) if self.md5 else ("sha256", self.sha256)


VOC2012 = Archive(
    name="VOCtrainval_11-May-2012.tar",
    md5="6cd6e144f989b92b3379bac3b3de84fd",
    urls=("http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",),
    size=2_000_000_000,
)
SBD = Archive(
    name="benchmark.tgz",
    md5="82b4d87ceb2ed10f6038a1cba92111cb",
    urls=(
        "http://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/"
        "benchmark.tgz",
    ),
    size=1_420_000_000,
)


def checksum_of(path: Path, kind: str) -> str:
    """Returns a file's MD5 or SHA-256 in hexadecimal digits, with progress."""
    # MD5 names a file, no more.
    digest = hashlib.md5(usedforsecurity=False) if kind == "md5" else hashlib.sha256()
    with open(path, "rb") as file, bar(f"checking {path.name}", path.stat().st_size, "B") as shown:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            shown.update(len(chunk))
    return digest.hexdigest()


def check(path: Path, archive: Archive) -> None:
    """Raises ChecksumError if the file is not the archive; the file stays as it is."""
    kind, digits = archive.checksum
    found = checksum_of(path, kind)
    if found != digits:
        raise ChecksumError(
            f"{path} is not {archive.name} as published: its {kind} is {found}, not {digits}. "
            "It was not used. Move it away and fetch it again."
        )
