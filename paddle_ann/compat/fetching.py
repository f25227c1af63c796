"""Fetching a file or an archive for PaddleSeg: resumable, checked, unpacked with care.

Everything happens in a folder of its own beside the target, `TARGET.download`: the part of the
file that is there, the lock, what is being unpacked. It is removed when the target stands.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests

_WEIGHTS = (".pdparams", ".pdopt", ".pth", ".pt", ".npz", ".safetensors")  # zips, some of them


def split(url: str) -> tuple[str, str]:
    """Split a URL into the address and the checksum it may end in: `#sha256=…` or `#md5=…`.

    Raises:
        ValueError: If there is something else behind a '#'.
    """
    address, mark, checksum = url.partition("#")
    kind, _, digits = checksum.partition("=")
    if mark and {"sha256": 64, "md5": 32}.get(kind) != len(digits):
        raise ValueError(
            f"{url}: behind the # must stand sha256= and 64, or md5= and 32 hexadecimal digits."
        )
    return address, checksum.lower()


def fetch_to(
    url: str, target: Path, filename: str | None, at_hand: Path, checksum: str = ""
) -> None:
    """Make a folder of what a URL gives.

    Args:
        url: Of an archive, which is unpacked (its only folder, if it has one, becomes the
            target), or of a file, which is put into the target.
        target: The folder to make.
        filename: A file that must be in it.
        at_hand: Where the file may be already; it is used, and stays.
        checksum: What to compare a downloaded file with, as `split` returns it.

    Raises:
        FileExistsError: If the folder is there and has no such file.
        RuntimeError: If the file could not be fetched.
        ValueError: If it is not what was expected, is damaged, or has names that lead out, links,
            devices, or more than an archive of data has.
    """
    work = target.with_name(target.name + ".download")
    with _alone(work):
        if (target / (filename or "")).exists():
            return  # another process was faster
        fetched = work / url.rpartition("/")[2]
        file = next((path for path in (at_hand, fetched) if path.is_file()), None)
        file = file or _download(url, fetched, checksum)
        try:
            _place(file, work, target, filename)
        except ValueError:  # damaged, or made to do harm
            fetched.unlink(missing_ok=True)
            raise
        shutil.rmtree(work)


@contextlib.contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Let one process at a time in; the kernel takes the lock from one that is killed."""
    lock = _lock(work)
    try:
        yield
    finally:
        shutil.rmtree(work / "unpacked", ignore_errors=True)
        if work.exists() and os.listdir(work) == ["lock"]:
            shutil.rmtree(work)
        os.close(lock)


def _lock(work: Path) -> int:
    """Return the descriptor of the folder's lock file, once it is ours."""
    while True:
        work.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # who had it removed the folder
            lock = os.open(work / "lock", os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                if os.path.samestat(os.fstat(lock), os.stat(work / "lock")):
                    return lock
            except FileNotFoundError:
                pass
            os.close(lock)


def _download(url: str, file: Path, checksum: str) -> Path:
    from paddle_ann.datasets.prepare import SBD, VOC2012, Archive
    from paddle_ann.datasets.prepare.download import fetch

    kind, _, digits = checksum.partition("=")
    known = {archive.name: archive.md5 for archive in (VOC2012, SBD)}
    archive = Archive(
        file.name,
        md5=digits if kind == "md5" else ("" if kind else known.get(file.name, "")),
        urls=(encrypted(url),),
        sha256=digits if kind == "sha256" else "",
        otherwise="or fetch it by other means and give its path",
    )
    return fetch(archive, file)


def encrypted(url: str) -> str:
    """Return the address with HTTPS if the host has it; say so if it has not."""
    if urlsplit(url).scheme != "http":
        return url
    secure = "https" + url[len("http") :]
    with contextlib.suppress(requests.RequestException):
        if requests.head(secure, timeout=10, allow_redirects=True).ok:
            return secure
    from paddle_ann.datasets.prepare.files import say

    say(f"{urlsplit(url).netloc} does not give this file over HTTPS; it is fetched unencrypted.")
    return url


def _place(file: Path, work: Path, target: Path, filename: str | None) -> None:
    """Unpack an archive to the target; put any other file into it."""
    from paddle_ann.datasets.prepare.entries import is_archive

    if file.suffix not in _WEIGHTS and is_archive(file):
        _unpack(file, work / "unpacked", target, filename)
    else:
        target.mkdir(parents=True, exist_ok=True)
        (os.replace if file.parent == work else shutil.copy)(file, target / file.name)


def _unpack(file: Path, whole: Path, target: Path, filename: str | None) -> None:
    from paddle_ann.datasets.prepare.extract import Caps, extract

    if target.exists():
        raise FileExistsError(
            f"{target} is there, but has no {filename}. Move it away; it would be made of {file}."
        )
    extract(file, whole, _wanted, Caps(file_size=8 << 30, total_size=64 << 30, ratio=200))
    inside = list(whole.iterdir()) if whole.exists() else []
    root = inside[0] if len(inside) == 1 and inside[0].is_dir() else whole
    if not inside or not (root / (filename or "")).exists():
        names = ", ".join(sorted(path.name for path in inside)[:10]) or "nothing"
        raise ValueError(f"{file} holds {names}, not the {filename or 'data'} that was expected.")
    os.rename(root, target)


def _wanted(name: PurePosixPath) -> PurePosixPath | None:
    """Leave out what macOS puts beside the files of a zip."""
    return None if "__MACOSX" in name.parts else name
