"""Paths to write to: what cannot be made is refused by name, and nothing is made by looking."""

from __future__ import annotations

import pytest

from paddle_ann.paths import check_file, check_folder, check_path


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path)
    yield
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "loop"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("x" * 300, r"--to 'x*… \(302 letters\) cannot be a path: File name too long"),
        ("a/" * 4000, "--to 'a/.*cannot be a path"),
        ("a/" * 256, "256 folders below each other, and 255 are the most"),
        ("a\0b", "--to 'a.x00b' cannot be a path: embedded null"),
        ("loop/x", "--to 'loop/x' cannot be a path: Too many levels of symbolic links"),
    ],
)
def test_what_is_no_path(here, path, words):
    for check in (check_path, check_file, check_folder):
        with pytest.raises(ValueError, match=words):
            check(path, "--to")


def test_what_cannot_be_written(here):
    for path in ("file", "loop"):
        with pytest.raises(FileExistsError, match=f"--to {path} is a file, not a folder"):
            check_folder(path, "--to")
    with pytest.raises(FileExistsError, match="--to folder is a folder"):
        check_file("folder", "--to")
    for check in (check_file, check_folder):
        with pytest.raises(FileExistsError, match="--to file/a/b cannot be made: .*file is a file"):
            check("file/a/b", "--to")
        with pytest.raises(ValueError, match=r"--to new/../folder leads back \(..\)"):
            check("new/../folder", "--to")


def test_what_can_be_written(here):
    for path in ("new", "new/er/", "folder", "folder/../new", "城", "a/" * 200):
        check_folder(path, "--to")
    for path in ("new", "new/er", "file", "folder/../file"):
        check_file(path, "--to")
    check_path("file/x", "--from")  # that there is no such file, its reader says


def test_a_file_needs_a_name(here):
    with pytest.raises(ValueError, match="--to is empty; give the name of a file"):
        check_file("", "--to")
