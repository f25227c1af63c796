"""CamVid in SegNet's layout: the real files where they are, and lists as people have them."""

from __future__ import annotations

import numpy as np
import pytest
from paddleseg.transforms import Resize

from paddle_ann.datasets import CamVid
from tests.datasets import camvid_trees as trees

CODES = np.arange(12, dtype=np.uint8).reshape(3, 4).repeat(2, axis=0)  # (6, 4), 0 … 11


@pytest.fixture
def root(tmp_path):
    return trees.segnet(tmp_path, CODES)


@pytest.mark.parametrize(
    ("mode", "count"), [("train", 3), ("val", 2), ("test", 1), ("trainval", 5)]
)
def test_void_becomes_255_in_every_mode(root, mode, count):
    dataset = CamVid([], str(root), mode)
    assert len(dataset) == count
    label = dataset[0]["label"]
    assert label.shape == ((1, 6, 4) if mode in ("val", "test") else (6, 4))
    assert np.array_equal(label.squeeze(), np.where(CODES == 11, 255, CODES))


def test_labels_follow_the_transforms_in_training_only(root):
    resize = [Resize((8, 12))]
    assert CamVid(resize, str(root), "trainval")[0]["label"].shape == (12, 8)
    for mode in ("val", "test"):
        sample = CamVid(resize, str(root), mode)[0]
        assert sample["img"].shape == (3, 12, 8)
        assert sample["label"].shape == (1, 6, 4)


def test_edge(root):
    edge = CamVid([], str(root), "train", edge=True)[0]["edge"]
    assert edge.shape[-2:] == (6, 4)
    assert set(np.unique(edge)) <= {0, 1} and edge.any()


def test_lists_as_people_have_them(root):
    (root / "train/ein Bild 中文.png").write_bytes((root / "train/0.png").read_bytes())
    (root / "trainannot/ein Bild 中文.png").write_bytes((root / "trainannot/0.png").read_bytes())
    text = (
        "\ufefftrain/0.png trainannot/0.png\r\n"
        "/SegNet/CamVid/train/1.png /SegNet/CamVid/trainannot/1.png\r\n"
        "train/ein Bild 中文.png trainannot/ein Bild 中文.png  \r\n"
        "train/2.png\ttrainannot/2.png\r\n"
        "\r\n   \r\n"
    )
    (root / "train.txt").write_bytes(text.encode())
    dataset = CamVid([], str(root), "train")
    assert len(dataset) == 4
    assert [dataset[i]["img"].shape for i in range(4)] == [(3, 6, 4)] * 4
    assert dataset.file_list[2][1] == f"{root}/trainannot/ein Bild 中文.png"


def test_errors_name_the_thing_and_nothing_is_downloaded(root, tmp_path):
    with pytest.raises(ValueError, match="mode is 'dev'"):
        CamVid([], str(root), "dev")
    with pytest.raises(ValueError, match="dataset_root is None"):
        CamVid([])
    with pytest.raises(FileNotFoundError, match="nowhere.*Nothing was downloaded"):
        CamVid([], str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()
    (root / "train.txt").write_text("train/0.png trainannot/0.png\n\ntrain/0.png\n")
    with pytest.raises(ValueError, match="train.txt, line 3: 'train/0.png' is not 'image label'"):
        CamVid([], str(root))
    (root / "train.txt").write_text("train/7.png trainannot/0.png\n")
    with pytest.raises(FileNotFoundError, match="train/7.png is missing.*line 1"):
        CamVid([], str(root))
    (root / "train.txt").write_text("\n")
    with pytest.raises(ValueError, match="names no image"):
        CamVid([], str(root))
    (root / "train.txt").unlink()
    with pytest.raises(FileNotFoundError, match="train.txt is missing"):
        CamVid([], str(root))


def test_colour_labels_are_refused(root):
    trees.save(root / "trainannot/0.png", np.zeros((6, 4, 3)))
    with pytest.raises(ValueError, match="trainannot/0.png is a colour picture.*original"):
        CamVid([], str(root))[0]


def test_names_and_colours_agree_with_the_class_count():
    assert len(CamVid.CLASS_NAMES) == len(set(CamVid.PALETTE)) == CamVid.NUM_CLASSES == 11


def test_real_camvid(shared_dir):
    root = shared_dir / "data/camvid"
    if not root.is_dir():
        pytest.skip(f"no folder {root}")
    counts = {mode: len(CamVid([], str(root), mode)) for mode in ("train", "val", "test")}
    assert counts == {"train": 367, "val": 101, "test": 233}
    dataset = CamVid([], str(root), "val")
    seen = {int(v) for i in (0, 50, 100) for v in np.unique(dataset[i]["label"])}
    assert {0, 1, 3, 255} <= seen <= {*range(11), 255}
    assert dataset[0]["img"].shape == (3, 360, 480)
