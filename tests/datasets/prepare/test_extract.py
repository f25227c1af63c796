"""Archives made to do harm, and damaged ones."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from paddle_ann.datasets.prepare.extract import Caps, extract


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def make(path: Path, *members: tarfile.TarInfo, content: bytes = b"13 bytes here") -> Path:
    with tarfile.open(path, "w") as tar:
        for info in members:
            if info.isreg():
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def everything(name: PurePosixPath) -> PurePosixPath:
    return name


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([member("../evil")], "leads out"),
        ([member("a/../../evil")], "leads out"),
        ([member("a/..")], "leads out"),
        ([member("/tmp/evil")], "leads out"),
        ([member("a\\..\\evil")], "leads out"),
        ([member("a", tarfile.SYMTYPE, "/etc/passwd")], "no plain file"),
        ([member("a", tarfile.SYMTYPE, ".."), member("a/evil")], "no plain file"),
        ([member("a"), member("b", tarfile.LNKTYPE, "a")], "no plain file"),
        ([member("a", tarfile.LNKTYPE, "/etc/passwd")], "no plain file"),
        ([member("a", tarfile.CHRTYPE)], "no plain file"),
        ([member("a", tarfile.BLKTYPE)], "no plain file"),
        ([member("a", tarfile.FIFOTYPE)], "no plain file"),
        ([member("a"), member("a")], "comes twice"),
        ([member("a"), member("./a")], "comes twice"),
        ([member("a"), member("a/b")], "a file and a folder"),
        ([member("a/b"), member("a")], "a file and a folder"),
    ],
)
def test_harm_is_refused(tmp_path: Path, members: list[tarfile.TarInfo], reason: str) -> None:
    folder = tmp_path / "outer" / "inner"
    archive = make(tmp_path / "evil.tar", *members)
    before = sorted(os.listdir("/tmp"))
    with pytest.raises(ValueError, match=f"evil.tar is not used further.*{reason}"):
        extract(archive, folder, everything)
    assert "evil" not in set(os.listdir("/tmp")) - set(before)
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and folder not in p.parents]
    assert outside == [archive]
    assert not any(p.is_symlink() for p in tmp_path.rglob("*"))


def test_what_is_not_wanted_is_passed_over(tmp_path: Path) -> None:
    link = member("code/link", tarfile.SYMTYPE, "/etc")
    archive = make(tmp_path / "a.tar", link, member("data/x"), member("data", tarfile.DIRTYPE))
    wanted = extract(archive, tmp_path / "f", lambda n: n if n.parts[0] == "data" else None)
    assert wanted == {"data/x": 13}
    assert [p.name for p in (tmp_path / "f").rglob("*")] == ["data", "x"]


def test_modes_and_owners_are_not_taken_over(tmp_path: Path) -> None:
    info = member("a")
    info.mode, info.uid = 0o6777, 4242
    extract(make(tmp_path / "a.tar", info), tmp_path / "f", everything)
    stat = (tmp_path / "f/a").stat()
    assert stat.st_mode & 0o7111 == 0 and stat.st_uid == os.getuid()


@pytest.mark.parametrize(
    ("caps", "reason"),
    [
        (Caps(entries=2), "more than 2 entries"),
        (Caps(file_size=12), "13 bytes, more than 12"),
        (Caps(total_size=38), "more than 38 bytes"),
    ],
)
def test_caps(tmp_path: Path, caps: Caps, reason: str) -> None:
    archive = make(tmp_path / "a.tar", *(member(name) for name in "abc"))
    with pytest.raises(ValueError, match=reason):
        extract(archive, tmp_path / "f", everything, caps)
    extract(archive, tmp_path / "f", everything, Caps(3, 13, 39))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """1 GB of zeros in 1 MB; refused by its announced size."""
    path = tmp_path / "bomb.tgz"
    info = member("a")
    info.size = 1 << 30
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(info.tobuf() + bytes(1 << 20))
    with pytest.raises(ValueError, match="'a' has 1073741824 bytes, more than"):
        extract(path, tmp_path / "f", everything)
    assert not (tmp_path / "f").exists()


def test_a_bomb_in_a_name_is_not_read(tmp_path: Path) -> None:
    """tarfile reads a long name into memory in one piece, however long it says to be."""
    path = tmp_path / "bomb.tgz"
    info = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    info.size = 1 << 32
    with gzip.open(path, "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 16))
    with pytest.raises(ValueError, match="asks to read 42949.* bytes at once"):
        extract(path, tmp_path / "f", everything)


@pytest.mark.parametrize("kind", ["w", "w:gz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_cut_archive_is_damaged(tmp_path: Path, kind: str, share: float) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut.tar"
    with tarfile.open(whole, kind) as tar:
        info = member("a")
        info.size = 100_003
        tar.addfile(info, io.BytesIO(os.urandom(info.size)))
    cut.write_bytes(whole.read_bytes()[: int(share * 100_003)])
    with pytest.raises(ValueError, match="cut.tar is (damaged|not used further)"):
        extract(cut, tmp_path / "f", everything)
    assert not (tmp_path / "f/a").exists()


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x1f\x8b not gzip", b"x" * 2000])
def test_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(ValueError, match="x.tar is damaged"):
        extract(tmp_path / "x.tar", tmp_path / "f", everything)


def test_what_is_there_is_left_and_what_is_half_is_written(tmp_path: Path) -> None:
    archive = make(tmp_path / "a.tar", member("a"), member("b"), member("c"))
    extract(archive, tmp_path / "f", everything)
    (tmp_path / "f/b").write_bytes(b"13 bytes th\0\0")
    (tmp_path / "f/c").write_bytes(b"13")
    before = (tmp_path / "f/a").stat().st_mtime_ns
    extract(archive, tmp_path / "f", everything)
    assert {p.read_bytes() for p in (tmp_path / "f").iterdir()} == {b"13 bytes here"}
    assert (tmp_path / "f/a").stat().st_mtime_ns == before
