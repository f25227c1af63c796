"""The generated data set: reproducible, complete, careful with what is there, read by PascalVOC."""

from __future__ import annotations

import hashlib
import io
import json

import cv2
import numpy as np
import pytest
from paddleseg.datasets import PascalVOC
from PIL import Image

from paddle_ann.datasets import toy_scenes, toy_voc

SIZE = (41, 53)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy") / "shapes"
    return toy_voc.generate(root, num_train=11, num_val=7, size=SIZE, seed=3)


def digest(root):
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def labels(root, split="trainval"):
    stems = (root / f"VOC2012/ImageSets/Segmentation/{split}.txt").read_text().split()
    folder = root / "VOC2012/SegmentationClass"
    return [np.asarray(Image.open(folder / f"{stem}.png")) for stem in stems]


def test_same_seed_same_bytes_and_other_seed_others(shapes, tmp_path):
    again = toy_voc.generate(tmp_path / "a", num_train=11, num_val=7, size=SIZE, seed=3)
    assert digest(again) == digest(shapes)
    other = toy_voc.generate(tmp_path / "b", num_train=11, num_val=7, size=SIZE, seed=4)
    same = [k for k, v in digest(other).items() if digest(shapes)[k] == v and "ImageSets" not in k]
    assert same == []


def test_train_pictures_do_not_depend_on_how_many_there_are(shapes, tmp_path):
    more = digest(toy_voc.generate(tmp_path, num_train=13, num_val=2, size=SIZE, seed=3))
    name = "VOC2012/JPEGImages/toy_train_00010.jpg"
    assert more[name] == digest(shapes)[name]


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize(("variant", "count"), [("shapes", 7), ("context", 20)])
def test_every_split_holds_all_21_classes(tmp_path, variant, count, split):
    toy_voc.generate(tmp_path, variant=variant, num_train=count, num_val=count, size=(64, 64))
    found = np.unique(np.concatenate([label.ravel() for label in labels(tmp_path, split)]))
    assert found.tolist() == [*range(21), 255]


def test_255_lies_at_borders_and_all_along_them(shapes):
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for label in labels(shapes):
        rim = label == 255
        # Every rim pixel has a pixel of a class within two steps, so the rim has no inside.
        inside = cv2.erode(rim.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1)
        assert 0 < rim.mean() < 0.5
        assert inside.mean() < 0.01
        # Two classes never touch: all along every border there is rim.
        for class_id in np.unique(label[~rim]):
            near = cv2.dilate((label == class_id).astype(np.uint8), cross) > 0
            assert set(np.unique(label[near])) <= {class_id, 255}


def test_palette_is_vocs(shapes):
    # From VOCdevkit's VOClabelcolormap.
    expected = {
        0: (0, 0, 0),
        1: (128, 0, 0),
        2: (0, 128, 0),
        3: (128, 128, 0),
        4: (0, 0, 128),
        8: (64, 0, 0),
        15: (192, 128, 128),
        20: (0, 64, 128),
        255: (224, 224, 192),
    }
    path = next((shapes / "VOC2012/SegmentationClass").iterdir())
    image = Image.open(path)
    assert image.mode == "P"
    palette = np.array(image.getpalette()).reshape(-1, 3)
    assert {k: tuple(palette[k]) for k in expected} == expected


@pytest.mark.parametrize(("mode", "count"), [("train", 11), ("val", 7), ("trainval", 18)])
def test_pascal_voc_reads_it(shapes, mode, count):
    dataset = PascalVOC([], str(shapes), mode)
    assert len(dataset) == count
    sample = dataset[count - 1]
    assert sample["img"].shape == (3, *SIZE)
    assert sample["label"].shape[-2:] == SIZE
    assert sample["label"].dtype == np.uint8


def test_an_interrupted_call_is_completed_and_a_complete_one_left_alone(shapes, tmp_path):
    root = toy_voc.generate(tmp_path / "x", num_train=11, num_val=7, size=SIZE, seed=3)
    (root / "VOC2012/JPEGImages/toy_train_00004.jpg").unlink()
    (root / "VOC2012/ImageSets/Segmentation/val.txt").unlink()
    kept = root / "VOC2012/JPEGImages/toy_train_00005.jpg"
    before = kept.stat().st_mtime_ns
    toy_voc.generate(root, num_train=11, num_val=7, size=SIZE, seed=3)
    assert digest(root) == digest(shapes)
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize("change", [{"seed": 5}, {"num_val": 3}, {"variant": "context"}])
def test_other_settings_are_refused(shapes, change):
    before = digest(shapes)
    settings = {"num_train": 11, "num_val": 7, "size": SIZE, "seed": 3, **change}
    with pytest.raises(FileExistsError, match=f"{next(iter(change))} is .*asked for"):
        toy_voc.generate(shapes, **settings)
    assert digest(shapes) == before


def test_a_foreign_folder_is_refused_and_stays_as_it_was(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty and was not made by this generator"):
        toy_voc.generate(tmp_path, num_train=1, num_val=1)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_foreign_record_and_a_file_are_refused(tmp_path):
    (tmp_path / "toy_voc.json").write_text("not json")
    with pytest.raises(FileExistsError, match="toy_voc.json"):
        toy_voc.generate(tmp_path, num_train=1, num_val=1)
    (tmp_path / "toy_voc.json").write_text(json.dumps([1]))
    with pytest.raises(FileExistsError, match="toy_voc.json"):
        toy_voc.generate(tmp_path, num_train=1, num_val=1)
    with pytest.raises(FileExistsError, match="is a file"):
        toy_voc.generate(tmp_path / "toy_voc.json", num_train=1, num_val=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "colours"}, "variant is 'colours'.*'shapes', 'context'"),
        ({"num_train": 0}, "num_train is 0.*at least 1"),
        ({"num_val": 2.5}, "num_val is 2.5.*integer"),
        ({"seed": -1}, "seed is -1"),
        ({"size": (96,)}, r"size is \(96,\)"),
        ({"size": (96, 31)}, "at least 32"),
        ({"size": 96}, "size is 96"),
    ],
)
def test_bad_arguments_are_named(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        toy_voc.generate(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_shapes_stay_visible():
    rng = np.random.default_rng(0)
    for _ in range(30):
        classes = (rng.permutation(20)[:5] + 1).tolist()
        label = toy_scenes.shapes_scene(rng, (96, 96), classes).label
        assert set(classes) <= set(np.unique(label).tolist())


def context_pair(first, second, seed=7):
    return [
        toy_scenes.context_scene(np.random.default_rng(seed), (64, 64), [k])
        for k in (first, second)
    ]


@pytest.mark.parametrize("seed", range(12))
def test_in_context_only_the_mark_tells_the_class(seed):
    one, other = context_pair(3, 17, seed)
    assert np.array_equal(one.label == 3, other.label == 17)
    # As stored: JPEG's blocks carry the mark a little further.
    first, second = (
        np.asarray(Image.open(io.BytesIO(toy_voc.jpeg(s.image)))) for s in (one, other)
    )
    differs = np.argwhere((first != second).any(axis=-1))
    objects = np.argwhere(one.label == 3)
    assert len(differs) and len(objects)
    # Chebyshev distance, the measure of a square receptive field, from any pixel of the object to
    # any pixel that depends on its class.
    gaps = np.abs(differs[:, None] - objects[None]).max(axis=-1)
    assert gaps.min() > 16  # what FCN head and backbone of paddle_ann.ablation see


def test_a_root_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file/x", "loop"):
        with pytest.raises(FileExistsError, match=f"{name} cannot be made .*another root"):
            toy_voc.generate(tmp_path / name, num_train=2, num_val=1)
