"""Files, folders, globs and lists, and names that tell them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from paddle_ann.deploy.finding import Found, find

NAMES = ("a.jpg", "a.png", "b c.JPEG", "图/a.jpg", "notes.md", ".hidden.jpg", "图/.git/a.jpg")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Path("in")


def names(*given, **options):
    return [image.name for image in find(given, **options)]


def test_a_folder(folder):
    assert names("in") == ["a.jpg", "a.png", "b c.JPEG", "图/a.jpg"]
    assert find(["in/"])[3] == Found(Path("in/图/a.jpg"), "图/a.jpg")


def test_images_and_globs(folder):
    assert names("in/b c.JPEG", "in/a.png") == ["b c.JPEG", "a.png"]
    assert names("in/*.*g") == ["a.jpg", "a.png"]
    assert names("in/**/a.jpg") == ["a.jpg", "图/a.jpg"]
    assert names("*/图/*.jpg") == ["in/图/a.jpg"]
    assert find(["in/notes.md"]) == [Found(Path("in/notes.md"), "notes.md")]  # named: taken


def test_a_name_that_looks_like_a_glob(folder):
    (folder / "x[1].jpg").touch()
    assert names("in/x[1].jpg") == ["x[1].jpg"]


def test_a_list_and_what_it_names_but_is_not_there(folder):
    lines = "\ufeffa.jpg\n\n b c.JPEG \na.png label.png\nabsent.jpg\n"
    (folder / "val.txt").write_text(lines, encoding="utf-8")
    assert names("in/val.txt") == ["a.jpg", "b c.JPEG", "a.png", "absent.jpg"]
    (folder / "bad.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        find(["in/bad.txt"])


def test_each_once_and_none_of_the_results(folder):
    assert names("in/图", "in/图/../图/a.jpg") == ["a.jpg"]
    assert names("in", without=["in/图"]) == ["a.jpg", "a.png", "b c.JPEG"]
    assert names("in/**/a.*", without=["in/图", "in/a.png"]) == ["a.jpg"]
    assert names("in/图/a.jpg", without=["in"]) == ["a.jpg"]  # named: taken


@pytest.mark.parametrize("given", ["absent", "absent.jpg", "in/*.gif", "in/图/.git", "in/e.txt"])
def test_what_is_not_there_is_refused(folder, given):
    (folder / "e.txt").touch()
    (folder / "图/.git/a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="does not exist|holds no image"):
        find([given])


def test_two_of_one_name_are_refused(folder):
    with pytest.raises(ValueError, match="would both be called a.jpg"):
        find(["in/a.jpg", "in/图/a.jpg"])
