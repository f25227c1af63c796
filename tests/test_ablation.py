"""The ablation: what its heads can see, that runs resume, and that docs and numbers agree."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.datasets import PascalVOC
from paddleseg.transforms import Normalize

from paddle_ann import ablation, ablation_report
from paddle_ann.datasets import toy_scenes, toy_voc

DOCS = Path(__file__).resolve().parents[1] / "docs"
SIDE = ablation.DATA["size"][0]
FCN, APNB, BOTH = ablation.ARMS


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    settings = {**ablation.DATA, "num_train": 16, "num_val": 20, "size": (48, 48)}
    monkeypatch.setattr(ablation, "DATA", settings)
    return toy_voc.generate(tmp_path / "data", **settings)


def reach(arm):
    """Largest distance, along an axis, of an input pixel that the middle pixel's logits feel."""
    model = ablation.build(arm)
    model.eval()
    image = paddle.rand([1, 3, SIDE, SIDE])
    image.stop_gradient = False
    middle = SIDE // 2
    farthest = 0
    for pixel in range(middle, middle + 4):  # all positions within a stride
        model(image)[0][0, :, pixel, pixel].abs().sum().backward()
        felt = np.argwhere(np.abs(image.grad.numpy()[0]).max(axis=0) > 0)
        farthest = max(farthest, int(np.abs(felt - pixel).max()))
        image.clear_grad()
    return farthest


def test_the_fcn_head_cannot_see_the_mark_and_the_others_can():
    assert reach(FCN) == 16  # docs/ablation.md says so
    assert reach(FCN) < toy_scenes.mark_distance((SIDE, SIDE))
    assert reach(APNB) >= SIDE // 2 - 1
    assert reach(BOTH) >= SIDE // 2 - 1


def test_a_finished_run_is_kept_and_another_setting_is_not_mistaken_for_it(
    tiny, tmp_path, monkeypatch
):
    folder = tmp_path / ablation.slug(BOTH)
    first = ablation.run(BOTH, 3, tiny, folder, iters=1)
    assert first == json.loads((folder / "result.json").read_text())
    assert 0.0 <= min(first["object_iou"], first["background_iou"])
    assert max(first["object_iou"], first["background_iou"]) <= 1.0
    assert first["mIoU"] == pytest.approx(
        (first["background_iou"] + 20 * first["object_iou"]) / 21, abs=1e-6
    )
    model = ablation.load(BOTH, folder, iters=1)
    sheet = ablation_report.picture(
        {BOTH: model}, PascalVOC([Normalize()], str(tiny), "val"), [0, 5]
    )
    assert sheet.size == (3 * 134 + 6, 2 * 134 + 22)

    def train(*_):
        raise RuntimeError("trains again")

    monkeypatch.setattr(ablation, "_train", train)
    assert ablation.run(BOTH, 3, tiny, folder, iters=1) == first
    with pytest.raises(RuntimeError, match="trains again"):
        ablation.run(BOTH, 4, tiny, folder, iters=1)


def test_arms_have_folders_of_their_own():
    assert len({ablation.slug(arm) for arm in ablation.ARMS}) == 3
    assert all(ablation.slug(arm).replace("_", "").isalnum() for arm in ablation.ARMS)


def results():
    return [
        {
            "arm": arm,
            "seed": seed,
            "iters": 5,
            "mIoU": score,
            "background_iou": 0.9,
            "object_iou": score / 2,
            "parameters": 123_456,
            "train_seconds": 1.5,
            "finished": "2026-01-02",
            "data": {},
        }
        for arm, scores in (("A", (0.1, 0.3)), ("B", (0.5, 0.5)))
        for seed, score in enumerate(scores)
    ]


AROUND = {"machine": "m", "python": "3", "paddle": "p", "paddleseg": "s", "command": "c d"}


def test_table_by_hand():
    lines = ablation_report.markdown(results(), AROUND).splitlines()
    # Mean 0.2; sample deviation sqrt(2 * 0.1^2 / 1) = 0.141.
    assert lines[2] == "| A | 0.200 ± 0.141 | 0.900 ± 0.000 | 0.100 ± 0.071 | 0.12 M |"
    assert lines[3] == "| B | 0.500 ± 0.000 | 0.900 ± 0.000 | 0.250 ± 0.000 | 0.12 M |"
    assert "2 seeds (0, 1), 5 iterations" in lines[-1] and "`c d`" in lines[-1]
    assert "Measured 2026-01-02 on m" in lines[-1]


def test_csv_holds_every_run(tmp_path):
    ablation_report.write_csv(results(), AROUND, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert rows[1]["arm"] == "A" and float(rows[1]["mIoU"]) == 0.3 and rows[1]["machine"] == "m"


def test_insert_replaces_only_between_the_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- ablation:begin -->\nold\n<!-- ablation:end -->\nb\n")
    ablation_report.insert(page, "new")
    assert page.read_text() == "a\n<!-- ablation:begin -->\nnew\n<!-- ablation:end -->\nb\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="lacks the marks"):
        ablation_report.insert(page, "new")
    assert page.read_text() == "no marks"


def test_the_table_in_the_docs_is_the_table_of_the_csv():
    with (DOCS / "ablation.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    numbers = ("mIoU", "background_iou", "object_iou", "parameters", "train_seconds")
    runs = [
        {**row, **{n: float(row[n]) for n in numbers}, "seed": int(row["seed"])} for row in rows
    ]
    assert len(runs) == 9 and [*dict.fromkeys(run["arm"] for run in runs)] == [*ablation.ARMS]
    table = ablation_report.markdown(runs, rows[0])
    assert table in (DOCS / "ablation.md").read_text(encoding="utf-8")
    mean = {arm: np.mean([r["mIoU"] for r in runs if r["arm"] == arm]) for arm in ablation.ARMS}
    assert mean[APNB] > mean[FCN] + 0.2 and mean[BOTH] > mean[FCN] + 0.2
