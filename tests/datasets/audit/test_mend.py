"""The mended copy is right, complete or absent, and the originals stay as they were."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from paddleseg.datasets import Dataset
from PIL import Image

from paddle_ann.datasets.audit import mend
from paddle_ann.datasets.audit.mapping import Mapping
from paddle_ann.datasets.audit.plan import voc_palette
from tests.datasets.audit import tree


def read(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        assert file.mode == "L"
        return np.asarray(file)


def mended(root: Path, target: Path, **kwargs: int):
    before = tree.content(root)
    report = tree.report(root, **kwargs)
    result = mend.mend(report, target)
    assert tree.content(root) == before
    return result


def test_object_as_255(tmp_path):
    root, target = tree.make(tmp_path / "data", ids=(0, 255)), tmp_path / "out" / "copy"
    assert mended(root, target, num_classes=2) == (10, [])
    for i in range(7):
        assert (read(target / f"train/masks/{i}.png") == (tree.mask(i, ids=(0, 255)) > 0)).all()
        image = target / f"train/images/{i}.jpg"
        assert image.read_bytes() == (root / f"{i}.jpg").read_bytes()
    assert '"255": 1' in (target / "mapping.json").read_text()
    again = tree.report(target, num_classes=2)
    assert tree.kinds(again) == {} and again.exit_code == 0
    data = Dataset("train", str(target), [], 2, train_path=str(target / "train.txt"))
    assert len(data) == 7 and set(np.unique(data[0]["label"])) == {0, 1}
    assert [p.name for p in tmp_path.rglob(".*")] == []


def test_colours_numbering_and_depth(tmp_path):
    root, target = tree.make(tmp_path / "data", ids=(1, 2, 3, 255)), tmp_path / "copy"
    palette = np.array(voc_palette(), np.uint8)
    ids = tree.mask(1, ids=(0, 1, 2))
    Image.fromarray(palette[ids]).save(root / "1.png")
    Image.fromarray(tree.mask(2, ids=(1, 3)).astype(np.uint16)).save(root / "2.png")
    assert mended(root, target) == (10, [])
    assert (read(target / "train/masks/1.png") == ids).all()
    assert (read(target / "train/masks/2.png") == tree.mask(2, ids=(1, 3)) - 1).all()
    expected = tree.mask(0, ids=(1, 2, 3, 255))
    expected = np.where(expected == 255, 255, expected - 1)
    assert (read(target / "train/masks/0.png") == expected).all()


def test_what_cannot_be_mended_is_left_out_by_name(tmp_path):
    root, target = tree.make(tmp_path / "data"), tmp_path / "copy"
    (root / "0.jpg").unlink()
    tree.save_mask(root / "1.png", np.zeros((3, 5), np.uint8))
    tree.save_mask(root / "2.png", tree.mask(2, ids=(0, 77)))
    (root / "3.png").write_bytes((root / "3.png").read_bytes()[:99])
    Image.open(root / "4.png").convert("RGB").save(root / "4.png")
    written, left_out = mended(root, target)
    assert written == 6 and "4.png 4" not in (target / "train.txt").read_text()
    details = [problem.detail for problem in left_out]
    assert details == [
        "missing",
        "size-mismatch",
        "still holds 77 after the mapping",
        "damaged",
    ]


def test_refusals(tmp_path):
    report = tree.report(tree.make(tmp_path / "data"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for target, words in (("full", "not empty"), ("full/mine.txt", "is a file")):
        with pytest.raises(FileExistsError, match=words):
            mend.mend(report, tmp_path / target)
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert mend.mend(report, tmp_path / "empty")[0] == 10


def test_no_room(tmp_path, monkeypatch):
    report = tree.report(tree.make(tmp_path / "data"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(OSError, match="Nothing was written"):
        mend.mend(report, tmp_path / "copy")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def test_interrupted_leaves_nothing(tmp_path, monkeypatch):
    report = tree.report(tree.make(tmp_path / "data"))

    def fail(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(KeyboardInterrupt):
        mend.mend(report, tmp_path / "copy")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def test_equal_names_and_spaces(tmp_path):
    root = tree.make(tmp_path / "data", train=2, val=1)
    (root / "b").mkdir()
    for name in ("1.jpg", "1.png"):
        shutil.move(root / name, root / "b" / name.replace("1", "0"))
    shutil.move(root / "2.jpg", root / "my image.jpg")
    (root / "train.txt").write_text("0.jpg 0.png\nb/0.jpg b/0.png\n")
    (root / "val.txt").write_text("my image.jpg 2.png\n")
    mended(root, tmp_path / "copy")
    lines = (tmp_path / "copy/train.txt").read_text().split()
    assert lines == [
        *("train/images/000000_0.jpg", "train/masks/000000_0.png"),
        *("train/images/000001_0.jpg", "train/masks/000001_0.png"),
    ]
    assert "my_image.jpg" in (tmp_path / "copy/val.txt").read_text()


def test_users_mapping_and_table(tmp_path):
    tree.save_mask(tmp_path / "a.png", np.array([[0, 1, 2, 11]], np.uint8))
    table = tuple(255 if value == 11 else value for value in range(256))
    found = mend.mended(str(tmp_path / "a.png"), Mapping({2: 0}), table)
    assert found.tolist() == [[0, 1, 0, 255]]
