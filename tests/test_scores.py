"""Scores by name, as text and as a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from paddle_ann.scores import check_target, load, markdown, save, scores, table

NAMES = ("sky", "road", "half disc")
RESULT = (0.75, np.float32(0.5), np.array([1.0, 0.5, np.nan]), np.array([1.0, 0.25, np.nan]), 0.125)


def test_scores() -> None:
    content = scores(RESULT, NAMES, 7)
    assert (content["mIoU"], content["accuracy"], content["kappa"]) == (0.75, 0.5, 0.125)
    assert content["class_iou"] == {"sky": 1.0, "road": 0.5, "half disc": None}
    assert content["class_precision"]["road"] == 0.25 and content["num_images"] == 7


def test_table() -> None:
    lines = table(scores(RESULT, NAMES, 7)).splitlines()
    assert lines[0].split() == ["sky", "1.0000", "█" * 20]
    assert lines[1].split() == ["road", "0.5000", "█" * 10]
    assert lines[2].endswith("absent")
    assert lines[-2].split() == ["mIoU", "0.7500"]


def test_save(tmp_path: Path) -> None:
    path = tmp_path / "new folder/scores.json"
    content = scores(RESULT, NAMES, 7)
    save(content, path)
    assert json.loads(path.read_text(encoding="utf-8")) == content
    assert [p.name for p in path.parent.iterdir()] == ["scores.json"]


def test_a_target_is_refused_before_the_evaluation(tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text('["years of work"]')
    (tmp_path / "folder").mkdir()
    for name in ("mine.json", "folder", "mine.json/x"):
        with pytest.raises(FileExistsError, match=f"{name} "):
            check_target(tmp_path / name)
    with pytest.raises(ValueError, match="cannot be a path"):
        check_target(tmp_path / ("x" * 300))
    save(scores(RESULT, NAMES, 7), tmp_path / "new/scores.json")
    check_target(tmp_path / "new/scores.json")  # replaced by newer ones
    assert mine.read_text() == '["years of work"]'


def test_markdown_sets_evaluations_side_by_side(tmp_path: Path) -> None:
    content = scores(RESULT, NAMES, 7)
    save(content, tmp_path / "a.json")
    better = {**content, "mIoU": 0.8125}
    lines = markdown({"a": load(tmp_path / "a.json"), "b": better}).splitlines()
    assert lines[0] == "| | a | b |" and lines[1] == "|---|---:|---:|"
    assert lines[2] == "| **mIoU** | 0.7500 | 0.8125 |"
    assert lines[-1] == "| IoU half disc | absent | absent |" and len(lines) == 8


def test_scores_of_other_data_are_not_compared(tmp_path: Path) -> None:
    content = scores(RESULT, NAMES, 7)
    with pytest.raises(ValueError, match="b 3 and 8"):
        markdown({"a": content, "b": {**content, "num_images": 8}})
    for name in ("absent.json", "x" * 300):
        with pytest.raises(FileNotFoundError, match="--save_json"):
            load(tmp_path / name)
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(ValueError, match="holds no scores"):
        load(tmp_path / "other.json")


@pytest.mark.parametrize(
    "field, value",
    [("class_iou", [0.5]), ("class_iou", {"sky": "x"}), ("kappa", "high"), ("num_images", -1)],
)
def test_a_damaged_file_is_named(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({**scores(RESULT, NAMES, 7), field: value}))
    with pytest.raises(ValueError, match=f"scores.json is damaged: the field {field} is"):
        load(path)
