"""CamVid's layouts: which one stands in a folder, its splits, its ids, and its count of classes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from paddleseg.cvlibs import SegBuilder
from paddleseg.transforms import Resize
from PIL import Image

from paddle_ann import compat
from paddle_ann.config import load
from paddle_ann.datasets import CamVid, check_dataset
from paddle_ann.datasets.camvid import classes
from paddle_ann.datasets.camvid.folders import PUBLISHED, split_of
from tests.datasets import camvid_trees as trees

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
VOID = classes.ORIGINAL.names.index("Void")


def test_each_layout_is_found_by_what_stands_there(tmp_path):
    trees.segnet(tmp_path / "s", np.zeros((5, 7)))
    for root, layout, count in (
        (tmp_path / "s", "segnet", 11),
        (trees.original(tmp_path / "o"), "original", 32),
        (trees.tutorial(tmp_path / "t"), "tutorial", 33),
    ):
        dataset = CamVid([], str(root))
        assert (dataset.layout, dataset.num_classes) == (layout, count)
        assert len(dataset.CLASS_NAMES) == len(set(dataset.PALETTE)) == count
        assert CamVid([], str(root), layout=layout).file_list == dataset.file_list
        assert CamVid.for_settings({"dataset_root": str(root)}).NUM_CLASSES == count


def test_no_layout_several_and_unknown_ones(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        CamVid([], str(tmp_path))
    for looked_for in ("train.txt", "701_StillsRaw_full/", "train_images/", "valid_labels/"):
        assert looked_for in str(error.value)
    trees.original(tmp_path)
    trees.tutorial(tmp_path)
    with pytest.raises(ValueError, match="several layouts: original, tutorial.*layout: original"):
        CamVid([], str(tmp_path))
    assert len(CamVid([], str(tmp_path), layout="tutorial")) == 3
    for layout in ("kitti", ["segnet"], None):
        with pytest.raises(ValueError, match="layout is .*auto, segnet, original, tutorial"):
            CamVid([], str(tmp_path), layout=layout)
    with pytest.raises(FileNotFoundError, match="train.txt is missing"):
        CamVid([], str(tmp_path), layout="segnet")


@pytest.mark.parametrize(
    ("layout", "count"),
    [("segnet", 32), ("original", 31), ("original", True), ("original", 32.0), ("tutorial", 11)],
)
def test_counts_of_classes_that_a_layout_does_not_have(tmp_path, layout, count):
    with pytest.raises(ValueError, match=f"classes is {count}; CamVid in the layout '{layout}'"):
        CamVid([], str(tmp_path), layout=layout, classes=count)
    with pytest.raises(ValueError, match=f"classes is {count}"):
        CamVid.for_settings({"layout": layout, "classes": count})


def test_a_root_that_is_no_path():
    with pytest.raises(TypeError, match="dataset_root is 3; it must be the path of a folder"):
        CamVid([], 3)


# -- the original layout --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "frames"),
    [
        ("train", trees.FRAMES[:2]),
        ("val", trees.FRAMES[2:3]),
        ("test", trees.FRAMES[3:]),
        ("trainval", (trees.FRAMES[0], trees.FRAMES[2], trees.FRAMES[1])),
    ],
)
def test_original_split(tmp_path, mode, frames):
    dataset = CamVid([], str(trees.original(tmp_path)), mode)
    assert [Path(image).stem for image, _ in dataset.file_list] == list(frames)
    assert [Path(label).stem for _, label in dataset.file_list] == [f"{f}_L" for f in frames]


def test_the_rule_of_the_split_gives_segnets_lists(shared_dir):
    root = shared_dir / "data/camvid"
    if not root.is_dir():
        pytest.skip(f"no folder {root}")
    for split, count in PUBLISHED.items():
        names = [Path(image).stem for image, _ in CamVid([], str(root), split).file_list]
        assert len(names) == count
        assert {split_of(name) for name in names} == {split}


def test_original_ids_are_those_of_the_list_of_colours(tmp_path):
    root = str(trees.original(tmp_path))
    label = CamVid([], root, "val")[0]["label"]
    assert label.shape == (1, 8, 8) and label.dtype == np.uint8
    assert np.array_equal(label[0], np.where(trees.IDS == VOID, 255, trees.IDS))
    assert (VOID, classes.ORIGINAL.names[0], classes.ORIGINAL.names[31]) == (30, "Animal", "Wall")
    small = CamVid([Resize((4, 4))], root)[0]
    assert small["img"].shape == (3, 4, 4) and small["label"].shape == (4, 4)


def test_original_grouped_into_segnets_classes(tmp_path):
    dataset = CamVid([], str(trees.original(tmp_path)), classes=11)
    label = dataset[0]["label"]
    assert dataset.num_classes == 11 and dataset.CLASS_NAMES == CamVid.CLASS_NAMES
    by_name = {name: int(label[trees.IDS == i][0]) for i, name in enumerate(classes.ORIGINAL.names)}
    assert by_name.pop("Void") == 255 and set(by_name.values()) == set(range(11))
    for name, group in (
        ("Sky", "sky"),
        ("Wall", "building"),
        ("TrafficCone", "pole"),
        ("LaneMkgsDriv", "road"),
        ("RoadShoulder", "pavement"),
        ("VegetationMisc", "tree"),
        ("Misc_Text", "sign symbol"),
        ("Fence", "fence"),
        ("Truck_Bus", "car"),
        ("Child", "pedestrian"),
        ("MotorcycleScooter", "bicyclist"),
    ):
        assert CamVid.CLASS_NAMES[by_name[name]] == group


def test_a_colour_that_is_not_in_the_palette_is_named(tmp_path):
    root = trees.original(tmp_path)
    path = root / "LabeledApproved_full/0001TP_006690_L.png"
    label = np.asarray(Image.open(path)).copy()
    label[5, 2:4], label[7, 7] = (128, 64, 129), (0, 128, 128)
    trees.save(path, label)
    with pytest.raises(
        ValueError,
        match=r"0001TP_006690_L.png has the colour \(128, 64, 129\) at x 2, y 5, in 2 pixels.* "
        "3 of its 64 pixels",
    ):
        CamVid([], str(root))[0]
    with pytest.raises(ValueError, match="128, 64, 129"):  # before the first iteration
        check_dataset(CamVid([], str(root)))


def test_frames_that_are_missing_or_none_of_camvids(tmp_path, capsys):
    root = trees.original(tmp_path)
    CamVid([], str(root), "trainval")
    assert "trainval: 3 of the 468 published images are there" in capsys.readouterr().out
    (root / "LabeledApproved_full/0016E5_08190_L.png").unlink()
    with pytest.raises(FileNotFoundError, match="0016E5_08190_L.png is missing, the label of"):
        CamVid([], str(root))
    assert len(CamVid([], str(root), "test")) == 2
    (root / "701_StillsRaw_full/holiday.png").write_bytes(b"")
    with pytest.raises(ValueError, match="holiday.png is none of CamVid's frames"):
        CamVid([], str(root), "test")
    shutil.rmtree(root / "LabeledApproved_full")
    with pytest.raises(FileNotFoundError, match="LabeledApproved_full is no folder"):
        CamVid([], str(root))


# -- the tutorial's layout ------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "count"), [("train", 3), ("val", 2), ("trainval", 5)])
def test_tutorial(tmp_path, mode, count):
    ids = np.where(trees.IDS == 3, 255, trees.IDS)
    dataset = CamVid([], str(trees.tutorial(tmp_path, ids)), mode)
    assert len(dataset) == count
    assert np.array_equal(dataset[0]["label"].squeeze(), ids)


def test_the_first_channel_of_a_colour_mask_is_the_id(tmp_path):
    root = trees.tutorial(tmp_path)
    trees.save(root / "train_labels/0.png", np.dstack([trees.IDS, 9 + 0 * trees.IDS, trees.IDS]))
    palette = Image.fromarray(trees.IDS.astype(np.uint8), "P")
    palette.putpalette(list(range(255, -1, -1)) * 3)
    palette.save(root / "train_labels/1.png")
    Image.fromarray(trees.IDS.astype(np.uint16)).save(root / "train_labels/2.png")
    dataset = CamVid([], str(root))
    for index in range(2):
        assert np.array_equal(dataset[index]["label"], trees.IDS)
    with pytest.raises(ValueError, match="2.png has the mode I.*8 bits"):
        dataset[2]


def test_tutorial_folders_and_masks_that_are_missing(tmp_path):
    root = trees.tutorial(tmp_path)
    with pytest.raises(FileNotFoundError, match="test_images is no folder"):
        CamVid([], str(root), "test")
    (root / "valid_labels/1.png").unlink()
    with pytest.raises(FileNotFoundError, match="valid_labels/1.png is missing, the label of"):
        CamVid([], str(root), "val")
    shutil.rmtree(root / "train_images")
    (root / "train_images").mkdir()
    with pytest.raises(FileNotFoundError, match="train_images holds no image"):
        CamVid([], str(root))


# -- the count of classes in a configuration ------------------------------------------------------

TUTORIAL = CONFIGS / "tutorial/annnet_resnet50_camvid_224x224_100e.yml"


@pytest.mark.parametrize(
    ("layout", "count"), [("segnet", 11), ("original", 32), ("tutorial", 33), ("auto", 11)]
)
def test_the_builder_takes_the_layouts_count(layout, count):
    opts = [f"{section}_dataset.layout={layout}" for section in ("train", "val")]
    builder = SegBuilder(load(TUTORIAL, opts=[*opts, f"model.num_classes={count}"]))
    assert builder.train_dataset_class.NUM_CLASSES == count
    assert builder.val_dataset_class is builder.train_dataset_class
    assert issubclass(builder.train_dataset_class, CamVid)
    if layout != "auto":
        with pytest.raises(ValueError, match=f"num_classes disagrees.*model.*10.*CamVid.*{count}"):
            load(TUTORIAL, opts=[*opts, "model.num_classes=10"])


def test_what_stands_in_the_root_counts_where_the_layout_is_auto(tmp_path):
    roots = [f"{s}_dataset.dataset_root={trees.original(tmp_path)}" for s in ("train", "val")]
    opts = [*roots, "train_dataset.layout=auto", "val_dataset.layout=auto", "model.num_classes=32"]
    load(TUTORIAL, opts=opts)
    with pytest.raises(ValueError, match=r"train_dataset \(CamVid\): 11, val_dataset .*: 32"):
        load(TUTORIAL, opts=[*opts, "train_dataset.classes=11"])
    load(CONFIGS / "ann/ann_resnet18_os8_camvid_224x224_1k.yml", opts=roots)  # grouped into 11


def test_without_the_mend_other_layouts_are_refused():
    settings = load(TUTORIAL)
    compat.revert()
    try:
        with pytest.raises(AssertionError, match=r"not consistent for model config \(33\)"):
            _ = SegBuilder(settings).model
    finally:
        compat.apply()
