"""Class weights, against a count by hand, from masks of every kind; in a configuration too."""

from __future__ import annotations

import io
import math
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import SegBuilder
from paddleseg.datasets import Dataset

from paddle_ann.config import load
from paddle_ann.datasets import CamVid, class_weights
from paddle_ann.datasets.audit.balance import median_frequency
from tests.datasets import camvid_trees as trees
from tests.tools.conftest import CONFIG

LABEL = np.full((5, 7), 3)  # 35 pixels: 9 of class 3, 20 of class 0, 6 void
LABEL.flat[:20], LABEL.flat[29:] = 0, 11
OTHER = np.where(np.arange(35) < 10, 5, 0).reshape(5, 7)  # 10 of class 5, 25 of class 0


@pytest.fixture
def root(tmp_path):
    trees.segnet(tmp_path, LABEL, (2, 1, 1))
    trees.save(tmp_path / "trainannot/1.png", OTHER)
    return tmp_path


@pytest.mark.parametrize("num_workers", [0, 2])
def test_count_and_weights_by_hand(root, num_workers):
    stream = io.StringIO()
    counts = class_weights.count(CamVid([], str(root)), num_workers, stream)
    assert {0: 45, 3: 9, 5: 10} == {i: n for i, n in enumerate(counts.pixels.tolist()) if n}
    assert counts.ignored == 6
    # frequencies 45/64, 9/29, 10/35; the median is 9/29
    expected = np.ones(11)
    expected[[0, 5]] = 9 / 29 * 64 / 45, 9 / 29 * 35 / 10
    assert np.allclose(median_frequency(counts, cap=math.inf), expected)
    lines = class_weights.table(counts, CamVid.CLASS_NAMES, expected).splitlines()
    assert len(lines) == 12 and lines[1].split() == ["sky", "70.312%", "2", "0.70312", "0.4414"]
    assert lines[3].split() == ["pole", "0", "0", "absent", "1.0000"]


def test_masks_that_only_the_data_set_can_read(tmp_path):
    original = class_weights.count(CamVid([], str(trees.original(tmp_path / "o"))))
    assert original.pixels.tolist() == [4] * 30 + [0, 4] and original.ignored == 4
    root = trees.tutorial(tmp_path / "t")
    before = class_weights.count(CamVid([], str(root))).pixels.tolist()
    trees.save(root / "train_labels/1.png", np.dstack([trees.IDS, trees.IDS, trees.IDS]))
    assert class_weights.count(CamVid([], str(root))).pixels.tolist() == before == [6] * 32 + [0]


def test_transforms_have_no_part(root):
    def never(data):
        raise AssertionError("a transform was called")

    class_weights.count(CamVid([never], str(root)))


def test_masks_that_cannot_be_counted(root):
    dataset = CamVid([], str(root))
    trees.save(root / "trainannot/1.png", OTHER + 9)
    with pytest.raises(ValueError, match=r"1.png holds 14 \(10 pixels\); with num_classes 11"):
        class_weights.count(dataset)
    (root / "trainannot/1.png").unlink()
    with pytest.raises(FileNotFoundError, match="1.png does not exist"):
        class_weights.count(dataset)
    with pytest.raises(ValueError, match="Dataset has no masks"):
        (root / "t.txt").write_text("train/0.png\n")
        images = Dataset("test", str(root), [], 11, test_path=str(root / "t.txt"))
        class_weights.count(images)


def builder_of(loss, dataset):
    return SimpleNamespace(config=SimpleNamespace(dic={"loss": loss}), train_dataset=dataset)


def test_in_a_configuration(root, capsys):
    word = {"type": "CrossEntropyLoss", "weight": "median_frequency"}
    mixed = {"type": "MixedLoss", "coef": [1, 1], "losses": [dict(word), {"type": "LovaszSoftmax"}]}
    loss = {"types": [dict(word), mixed, {"type": "CrossEntropyLoss"}], "coef": [1, 1, 1]}
    class_weights.fill_in(builder_of(loss, CamVid([], str(root))))
    expected = [0.4414, 1, 1, 1, 1, 1.086, 1, 1, 1, 1, 1]
    assert loss["types"][0]["weight"] == loss["types"][1]["losses"][0]["weight"] == expected
    assert "weight" not in loss["types"][2] and "weight" not in mixed["losses"][1]
    assert "2 training masks is [0.4414, 1.0" in capsys.readouterr().out
    built = SegBuilder(None).build_component(loss["types"][0])
    assert np.allclose(built.weight.numpy(), expected)
    assert float(built(paddle.zeros([1, 11, 2, 2]), paddle.zeros([1, 2, 2], "int64"))) > 0


def test_nothing_is_read_unless_a_loss_asks_for_it():
    loss = {"types": [{"type": "CrossEntropyLoss", "weight": [1, 2]}]}
    builder = builder_of(loss, None)
    del builder.train_dataset
    class_weights.fill_in(builder)
    assert loss["types"][0]["weight"] == [1, 2]


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("0", "weight of CrossEntropyLoss is 0; it must be a list with a number for each class"),
        ("[[1, 2], [3, 4]]", "it must be a list with a number for each class"),
        ("'median'", "weight of CrossEntropyLoss is 'median'.*median_frequency"),
        ("[1.0,2.0]", "has 2 numbers, but model.num_classes is 21"),
    ],
)
def test_weights_that_cannot_be(tmp_path, weight, message):
    path = tmp_path / "a.yml"
    loss = f"loss: {{types: [{{type: CrossEntropyLoss, weight: {weight}}}], coef: [1, 0.4]}}"
    path.write_text(f"_base_: {CONFIG}\n{loss}\n")
    with pytest.raises(ValueError, match=message):
        load(path)
    path.write_text(f"_base_: {CONFIG}\n{loss.replace(weight, 'median_frequency')}\n")
    assert load(path).dic["loss"]["types"][0]["weight"] == "median_frequency"
