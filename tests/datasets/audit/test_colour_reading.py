"""Data sets whose masks are meant to be in colour: CamVid's original labels, the tutorial's."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from paddle_ann.datasets import CamVid
from paddle_ann.datasets.audit import configured, mend
from paddle_ann.datasets.audit.plan import Plan
from paddle_ann.datasets.audit.report import check
from tests.datasets import camvid_trees as trees
from tests.datasets.audit import tree

LABEL = "LabeledApproved_full/0001TP_006690_L.png"


def plan_of(root, **arguments) -> Plan:
    dataset = CamVid([], str(root), **arguments)
    return Plan([configured._split("train", dataset)], dataset.num_classes)


def findings(plan: Plan) -> dict:
    return {
        kind: names for kind, names in tree.kinds(check(plan)).items() if kind != "absent-class"
    }


def test_colours_of_the_palette_are_counted_as_ids(tmp_path):
    root = trees.original(tmp_path)
    report = check(plan_of(root))
    assert findings(plan_of(root)) == {} and not report.mapping
    assert report.scans[0].counts.pixels.tolist() == [4] * 30 + [0, 4]
    assert report.scans[0].counts.ignored == 4
    grouped = check(plan_of(root, classes=11)).scans[0].counts.pixels
    assert grouped.sum() == 124 and grouped[7] == 4 and grouped[8] == 20  # fence; five kinds of car


def test_strange_colours_and_grey_masks_are_found(tmp_path):
    root = trees.original(tmp_path)
    label = np.asarray(Image.open(root / LABEL)).copy()
    label[0, :3] = 1, 2, 3
    trees.save(root / LABEL, label)
    report = check(plan_of(root))
    assert findings(plan_of(root)) == {"outside-classes": ["0001TP_006690_L.png"]}
    (problem,) = next(f for f in report.findings if f.kind == "outside-classes").problems
    assert problem.detail == "the colour (1, 2, 3) (3 pixels)"
    assert not report.mapping
    trees.save(root / LABEL, trees.IDS)
    assert findings(plan_of(root)) == {"outside-classes": ["0001TP_006690_L.png"]}


def test_a_mended_copy_has_ids(tmp_path):
    root = trees.original(tmp_path / "o")
    written, left_out = mend.mend(check(plan_of(root)), tmp_path / "new")
    assert (written, left_out) == (2, [])
    ids = np.asarray(Image.open(tmp_path / "new/train/masks/0001TP_006690.png"))
    assert np.array_equal(ids, np.where(trees.IDS == 30, 255, trees.IDS))


@pytest.mark.parametrize("top", [31, 40])
def test_the_first_channel_of_the_tutorials_masks(tmp_path, top):
    ids = np.where(trees.IDS == 31, top, trees.IDS)
    root = trees.tutorial(tmp_path)
    trees.save(root / "train_labels/1.png", np.dstack([ids, 0 * ids, ids]))
    found = findings(plan_of(root))
    assert found == ({} if top == 31 else {"outside-classes": ["1.png"]})


def test_segnets_labels_are_not_meant_to_be_in_colour(tmp_path):
    root = trees.segnet(tmp_path, np.zeros((5, 7)))
    trees.save(root / "trainannot/0.png", np.full((5, 7, 3), 128))
    assert "colour-mask" in findings(plan_of(root))
