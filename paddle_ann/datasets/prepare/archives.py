"""The two archives: where they come from and how each is recognized."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .files import bar

_CHUNK = 1 << 20


class ChecksumError(ValueError):
    """A file is not what its name says."""


@dataclass(frozen=True)
class Archive:
    """A file that can be downloaded.

    Attributes:
        name: File name.
        md5: Checksum, 32 hexadecimal digits.
        urls: Addresses, tried in this order.
        size: Roughly the size in bytes, for the look at the free space; never a check.
    """

    name: str
    md5: str
    urls: tuple[str, ...]
    size: int


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


def md5_of(path: Path) -> str:
    """Returns a file's MD5 in hexadecimal digits, with progress. It names a file, no more."""
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file, bar(f"checking {path.name}", path.stat().st_size, "B") as shown:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            shown.update(len(chunk))
    return digest.hexdigest()


def check(path: Path, archive: Archive) -> None:
    """Raises ChecksumError if the file is not the archive; the file stays as it is."""
    found = md5_of(path)
    if found != archive.md5:
        raise ChecksumError(
            f"{path} is not {archive.name} as published: its md5 is {found}, not {archive.md5}. "
            "It was not used. Move it away and fetch it again."
        )
