"""Whole data sets: what is wrong is found, by its kind and file; what is right is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paddle_ann.datasets.audit import text
from tests.datasets.audit import tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tree.make(tmp_path / "data")


def test_clean_data_is_clean_and_untouched(root):
    before = tree.content(root)
    report = tree.report(root)
    assert tree.kinds(report) == {} and report.exit_code == 0 and not report.mapping
    assert text.text(report).endswith("Clean: nothing in 10 pairs would break or spoil training.")
    assert tree.content(root) == before


def test_processes_find_the_same(root):
    (root / "2.png").unlink()
    tree.save_mask(root / "5.png", tree.mask(5, ids=(0, 7)))
    alone, together = (text.as_json(tree.report(root, num_workers=n)) for n in (0, 2))
    for result in (alone, together):
        result["seconds"] = result["images_per_minute"] = 0
    assert alone == together and alone["exit_code"] == 1


@pytest.mark.parametrize("name", ["3.jpg", "3.png"])
@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda p: p.unlink(), "missing"),
        (lambda p: p.write_bytes(b""), "empty"),
        (lambda p: p.write_text("<html>404"), "unreadable"),
        (lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "damaged"),
        (lambda p: Image.fromarray(np.zeros((3, 5), np.uint8)).save(p), "size-mismatch"),
    ],
)
def test_spoilt_files(root, name, spoil, kind):
    spoil(root / name)
    report = tree.report(root)
    expected = "3.png" if kind == "size-mismatch" else name
    assert tree.kinds(report) == {kind: [expected]} and report.exit_code == 1
    assert f"{kind} would break training" in text.verdict(report)


def test_pixel_limit(root):
    Image.fromarray(np.zeros((41, 59, 3), np.uint8)).save(root / "4.jpg")
    report = tree.check(tree.plan(root), max_pixels=37 * 43)
    assert tree.kinds(report)["too-large"] == ["4.jpg"]


def test_values_outside_are_counted(root):
    array = tree.mask(1)
    array[0, :5], array[1, :3] = 3, 200
    tree.save_mask(root / "1.png", array)
    (finding,) = tree.report(root).findings
    assert finding.kind == "outside-classes"
    assert finding.problems[0].detail == "3 (5 pixels), 200 (3 pixels)"


def test_object_as_255(tmp_path):
    root = tree.make(tmp_path, ids=(0, 255))
    tree.save_mask(root / "6.png", np.full(tree.SIZE, 255, np.uint8))
    tree.save_mask(root / "5.png", np.zeros(tree.SIZE, np.uint8))
    report = tree.report(root, num_classes=2)
    found = tree.kinds(report)
    assert len(found["object-is-255"]) == 9 and "all-ignored" not in found
    assert report.mapping.values == {255: 1} and report.exit_code == 1


def test_a_few_masks_of_0_and_255_are_only_worth_a_look(root):
    tree.save_mask(root / "2.png", tree.mask(2, ids=(0, 255)))
    report = tree.report(root)
    assert tree.kinds(report) == {"only-0-255": ["2.png"]} and report.exit_code == 0


def test_all_ignored(root):
    tree.save_mask(root / "2.png", np.full(tree.SIZE, 255, np.uint8))
    report = tree.report(root)
    assert tree.kinds(report) == {"all-ignored": ["2.png"]} and report.exit_code == 1


def test_mask_modes(root):
    Image.open(root / "0.png").convert("RGBA").save(root / "0.png")
    Image.fromarray(tree.mask(1, ids=(0, 1, 2)).astype(np.uint16)).save(root / "1.png")
    Image.fromarray(tree.mask(2).astype(np.float32)).save(root / "2.tif")
    Image.fromarray(tree.mask(3)).save(root / "3m.jpg")
    palette = Image.open(root / "4.png").convert("P")
    palette.save(root / "4.png")
    Image.fromarray(tree.mask(5) == 1).save(root / "5.png")
    lines = (root / "train.txt").read_text()
    (root / "train.txt").write_text(lines.replace("2.png", "2.tif").replace("3.png", "3m.jpg"))
    found = tree.kinds(tree.report(root))
    assert found["colour-mask"] == ["0.png"] and found["16-bit-mask"] == ["1.png"]
    assert found["float-mask"] == ["2.tif"] and found["lossy-mask"] == ["3m.jpg"]
    assert {"4.png", "5.png"}.isdisjoint(name for names in found.values() for name in names)


def test_leak_duplicates_and_contradiction(root):
    shutil.copy(root / "1.jpg", root / "8.jpg")  # a training image in val, with its own mask
    shutil.copy(root / "2.jpg", root / "3.jpg")
    shutil.copy(root / "2.png", root / "3.png")
    large = Image.fromarray(tree.picture(0)).resize((430, 370))
    for name, picture in (("0", large), ("9", large.resize((215, 185)))):
        picture.save(root / f"{name}.jpg", quality=60)
        tree.save_mask(root / f"{name}.png", np.ones(picture.size[::-1], np.uint8))
    report = tree.report(root)
    assert tree.kinds(report) == {
        "leak": ["8.jpg"],
        "look-alike-leak": ["9.jpg"],
        "contradiction": ["1.jpg"],
        "duplicate": ["3.jpg"],
    }
    assert report.findings[0].problems[0].other == str(root / "1.jpg")


def test_plain_pictures_are_no_look_alikes(root):
    for i, grey in enumerate((0, 90, 200)):
        Image.fromarray(np.full((*tree.SIZE, 3), grey, np.uint8)).save(root / f"{i}.jpg")
    assert tree.kinds(tree.report(root)) == {}


def test_absent_class_is_named(root):
    report = tree.report(root, num_classes=4)
    problem = report.findings[0].problems[0]
    assert (problem.kind, problem.split, problem.path) == ("absent-class", "train", "class 3")
    assert report.exit_code == 0


def test_photo_turned_by_exif(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(root / "3.jpg").save(root / "3.jpg", exif=exif)
    assert tree.kinds(tree.report(root)) == {"size-mismatch": ["3.png"]}


def test_json_survives_names_that_are_no_text(root):
    import json
    import os

    name = os.fsdecode(b"\xff.jpg")
    (root / name).touch()
    plan = tree.plan(root)
    plan.splits[0].pairs[3] = (str(root / name), str(root / "gone.png"))
    report = tree.check(plan)
    assert "\\udcff" in json.dumps(text.as_json(report))
    assert "gone.png" in text.text(report).encode().decode()
