"""A report as content and as files: what val.py prints, what compare.py reads, nothing foreign."""

from __future__ import annotations

import json

import numpy as np
import pytest

from paddle_ann.metrics import set_absent_policy
from paddle_ann.report import check_target, describe, files, load, measures, pictures, save
from paddle_ann.scores import load as load_scores
from paddle_ann.scores import scores
from tests.report.toy import CLASSES, NAMES, Data, model, watched


def write(folder, data=None, seed=3, **options):
    data = data or Data()
    result, recorder = watched(model(seed), data, **options)
    save(folder, result, recorder, data, describe(data, "w.pdparams", "c.yml", {"scales": [1, 2]}))
    return result


def test_the_numbers_are_those_of_the_evaluation(tmp_path):
    result = write(tmp_path / "new/report")
    content = json.loads((tmp_path / "new/report/report.json").read_text(encoding="utf-8"))
    expected = scores(result, NAMES, 5)
    assert {name: content[name] for name in expected} == expected
    assert load_scores(tmp_path / "new/report/report.json")["mIoU"] == expected["mIoU"]
    assert content["confusion"] == result.confusion.tolist()
    rows = content["classes"]
    assert [row["iou"] for row in rows] == list(expected["class_iou"].values())
    assert [row["precision"] for row in rows] == list(expected["class_precision"].values())
    assert rows[4]["iou"] is None and rows[4]["boundary_iou"] is None and rows[4]["images"] == 0
    assert rows[1]["recall"] == result.confusion[1, 1] / result.confusion[1].sum()
    assert rows[1]["color"] == "#00c800" and rows[1]["name"] == "road <b>"
    assert content["intervals"]["mIoU"][0] < content["mIoU"] < content["intervals"]["mIoU"][1]
    assert content["bootstrap"] == {"resamples": 2000, "seed": 0, "level": 0.95}
    assert content["source"]["how"] == "scales [1, 2]" and content["source"]["data"] == "Data"
    spread = content["images"]
    assert (spread["scored"], spread["without_labels"], sum(spread["histogram"])) == (4, 1, 4)
    assert content["worst"][0]["miou"] == spread["quantiles"]["0"]


@pytest.mark.parametrize("policy", ["present", "zero", "one"])
def test_intervals_have_the_policy_for_absent_classes(tmp_path, policy):
    set_absent_policy(policy)
    try:
        write(tmp_path)
    finally:
        set_absent_policy(None)
    content = load(tmp_path).content
    low, high = content["intervals"]["mIoU"]
    assert low < content["mIoU"] < high and content["absent_classes"] == policy


def test_it_is_read_back(tmp_path):
    result = write(tmp_path)
    loaded = load(tmp_path)
    assert load(tmp_path / "report.json").images == loaded.images == ["#0", "#1", "#2", "#3", "#4"]
    assert np.array_equal(loaded.areas.sum(0), measures.areas(result.confusion))
    contours = measures.mean_iou(loaded.contours.sum(0))
    assert loaded.content["boundary_iou"] == pytest.approx(float(contours))
    line = json.loads((tmp_path / "images.jsonl").read_text().splitlines()[0])
    assert line["miou"] == pytest.approx(float(measures.image_iou(loaded.areas[0])))
    assert set(line["confused"]) <= set(NAMES)


def test_one_image_has_no_interval(tmp_path):
    write(tmp_path, Data(sizes=[(13, 17)], ignored=()))
    content = load(tmp_path).content
    assert content["intervals"] == {"mIoU": None, "accuracy": None, "boundary_iou": None}
    assert content["bootstrap"]["resamples"] == 0 and content["classes"][0]["iou_interval"] is None


def test_a_report_may_be_replaced_and_nothing_else(tmp_path):
    check_target(tmp_path / "new")
    write(tmp_path)
    check_target(tmp_path)
    for name in ("report.json", "images.jsonl", "report.html"):
        kept = (tmp_path / name).read_bytes()
        (tmp_path / name).write_text("years of work")
        with pytest.raises(FileExistsError, match=f"{name} exists and is no part of a report"):
            check_target(tmp_path)
        (tmp_path / name).write_bytes(kept)
    with pytest.raises(FileExistsError, match="is a file, not a folder"):
        check_target(tmp_path / "report.json")


def changed(folder, **fields):
    path = folder / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_what_is_no_report_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="val.py --report"):
        load(tmp_path)
    write(tmp_path)
    rows = tmp_path / "images.jsonl"
    kept = rows.read_text()
    rows.write_text(kept[:-9])
    with pytest.raises(ValueError, match="not the one that report.json was written with"):
        load(tmp_path)
    damage = {
        "[": "JSONDecodeError|Expecting",
        '{"image": "a"}': "confusion",
        '{"image": "a", "confusion": [[99], [1]], "contours": [[], []]}': "do not fit",
        '{"image": "a", "confusion": [[0], [-1]], "contours": [[], []]}': "do not fit",
        '{"image": "a", "confusion": [[0, 1], [1]], "contours": [[], []]}': "do not fit",
        '{"image": "a", "confusion": 7, "contours": [[], []]}': "TypeError",
        "": "ValueError",
    }
    for text, message in damage.items():
        rows.write_text(text)
        changed(tmp_path, lines=files.hash_file(rows))
        with pytest.raises(ValueError, match=f"(?s)images.jsonl is damaged.*({message})"):
            load(tmp_path)
    good = json.loads((tmp_path / "report.json").read_text())
    wrong = ({"format": "other"}, {"classes": []}, {"lines": None}, {"source": {}})
    for fields in (*wrong, {"classes": [{"name": "a"}, {}]}, {"boundary_ratio": None}):
        changed(tmp_path, **{**good, **fields})
        with pytest.raises(ValueError, match="report.json is no report"):
            load(tmp_path)
    (tmp_path / "report.json").write_text("[]")
    with pytest.raises(ValueError, match="is no report"):
        load(tmp_path)


def test_names_of_images(tmp_path):
    data = Data()
    data.dataset_root = str(tmp_path)
    listed = [
        [str(tmp_path / "a/图 1.png"), "x"],
        ["/elsewhere/b.png", "y"],
        [b"\xff".decode("utf-8", "surrogateescape"), "z"],
    ]
    data.file_list = listed
    assert pictures.image_names(data) == ["a/图 1.png", "/elsewhere/b.png", "\\udcff"]
    assert files.lines(["a\u2028b\n"], *[[pictures_sparse()]] * 2, NAMES).count("\n") == 1


def pictures_sparse():
    return files.Sparse.of(np.zeros((CLASSES, CLASSES), int))


@pytest.mark.parametrize("path", ["", "gone", "x" * 300])
def test_what_is_not_there_is_named(path):
    with pytest.raises(FileNotFoundError, match="does not exist. Give a folder that tools/val.py"):
        files.load(path)
