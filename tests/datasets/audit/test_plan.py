"""Lists, folders and configurations all become pairs of files and a number of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from paddleseg.datasets import ADE20K, PascalVOC
from PIL import Image

from paddle_ann.datasets import CamVid, toy_voc
from paddle_ann.datasets.audit import configured
from paddle_ann.datasets.audit.plan import Plan, Split, from_folders, from_list
from paddle_ann.datasets.audit.report import check
from tests.datasets.audit import tree

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def test_list_with_lines_that_name_no_pair(tmp_path):
    root = tree.make(tmp_path)
    (root / "train.txt").write_text("0.jpg 0.png\n\n1.jpg\na b c d\n2.jpg\t2.png\n")
    split = from_list("train", str(root / "train.txt"), str(root))
    assert [pair[0][-5:] for pair in split.pairs] == ["0.jpg", "2.jpg"]
    assert [p.kind for p in split.problems] == ["list-line"] * 2
    assert "line 3, '1.jpg'" in split.problems[0].detail
    assert check(Plan([split], 3)).exit_code == 1


@pytest.mark.parametrize(
    ("content", "root", "error"),
    [
        (None, ".", FileNotFoundError),
        (b"", ".", ValueError),
        (b"\xff\xfe", ".", ValueError),
        (b"a.jpg a.png", "gone", FileNotFoundError),
    ],
)
def test_lists_that_are_the_users_error(tmp_path, content, root, error):
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(error):
        from_list("train", str(tmp_path / "a.txt"), str(tmp_path / root))


def test_folders(tmp_path):
    for name in ("i/a.jpg", "i/sub/b.JPG", "i/c.png", "i/d.jpg", "i/d.png", "i/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("m/a.png", "m/sub/b.png", "m/x.png", "m/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    split = from_folders("train", str(tmp_path / "i"), str(tmp_path / "m"))
    names = [tuple(path[len(str(tmp_path)) + 1 :] for path in pair) for pair in split.pairs]
    assert names == [("i/a.jpg", "m/a.png"), ("i/sub/b.JPG", "m/sub/b.png")]
    found = {p.path[len(str(tmp_path)) + 1 :]: p.detail for p in split.problems}
    assert found == {
        "i/c.png": "image without mask",
        "i/d.jpg": "files of one name: d.jpg, d.png",
        "m/x.png": "mask without image",
    }


def test_folders_that_are_the_users_error(tmp_path):
    (tmp_path / "i").mkdir()
    (tmp_path / "i/a.jpg").touch()
    with pytest.raises(FileNotFoundError, match="gone is not a folder"):
        from_folders("train", str(tmp_path / "i"), str(tmp_path / "gone"))
    (tmp_path / "m").mkdir()
    with pytest.raises(ValueError, match="i holds a.jpg; .*m holds no image file"):
        from_folders("train", str(tmp_path / "i"), str(tmp_path / "m"))


@pytest.mark.parametrize("numbers", [(0, 255), (65536, 255), (3, -1), (3, 65536)])
def test_wrong_numbers(numbers):
    with pytest.raises(ValueError, match="must be"):
        Plan([Split("train", [("a", "b")])], *numbers)


# -- configurations -------------------------------------------------------------------------------


def camvid(root, ids):
    for name in ("train", "trainannot"):
        (root / name).mkdir(parents=True)
    (root / "train.txt").write_text("train/a.png trainannot/a.png\n")
    (root / "val.txt").write_text("train/a.png trainannot/a.png\n")
    Image.fromarray(tree.picture(0)).save(root / "train/a.png")
    tree.save_mask(root / "trainannot/a.png", tree.mask(0, ids=ids))
    return root


def test_what_a_class_makes_of_values(tmp_path):
    table = configured.table_of(CamVid([], str(camvid(tmp_path / "camvid", (0,)))))
    assert table == tuple(255 if value == 11 else value for value in range(256))
    for kind in ("images/training", "annotations/training"):
        (tmp_path / kind).mkdir(parents=True)
    for mode in ("train", "val"):
        for kind in ("images", "annotations"):
            (tmp_path / kind / "validation").mkdir(exist_ok=True)
        ade = ADE20K([], str(tmp_path), mode)
        assert configured.table_of(ade) == (255, *range(255))


def test_a_class_with_ids_of_its_own_making(tmp_path):
    class Odd(PascalVOC):
        def __getitem__(self, index):
            return {"label": np.arange(256).reshape(16, 16)}  # whatever the mask holds

    class Arrays(PascalVOC):
        def __getitem__(self, index):
            return {"label": np.load(self.file_list[index][1])}

    root = toy_voc.generate(tmp_path / "toy", num_train=2, num_val=1, size=(37, 43))
    for kind in (Odd, Arrays):
        assert configured.table_of(kind([], str(root))) is None


@pytest.mark.parametrize("ids", [(0, 10, 11), (0, 12)])
def test_camvid_by_its_data_configuration(tmp_path, ids):
    root = camvid(tmp_path / "camvid", ids)
    opts = [f"{section}_dataset.dataset_root={root}" for section in ("train", "val")]
    config = CONFIGS / "_base_/camvid.yml"
    plan = configured.from_config(str(config), opts)
    assert plan.num_classes == 11 and plan.class_names[0] == "sky" and len(plan.splits) == 2
    found = tree.kinds(check(plan))
    assert found["leak"] == ["a.png"]
    assert ("outside-classes" in found) == (12 in ids)
    (root / "train/a.png").unlink()
    assert tree.kinds(check(configured.from_config(str(config), opts)))["missing"] == ["a.png"] * 2
    with pytest.raises(FileNotFoundError):  # elsewhere it still does
        CamVid([], str(root))
