"""`tools/plot.py` on the rows that `tools/train.py` wrote, as a user would."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from tests.tools.conftest import call, options


@pytest.mark.slow
def test_two_epochs_and_their_curves(pictures: Path, tmp_path: Path) -> None:
    words = ["--epochs", "2", "--save_epochs", "2", "--do_eval", "--xlsx", "--save_dir", "out"]
    trained = call("train", *options(pictures), *words, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    with open(tmp_path / "out/metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["iteration"] for row in rows] == ["3", "6"] and rows[0]["IoU background"]
    assert "[EPOCH] epoch: 2, iter: 6/6" in trained.stdout
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == [
        "best_model", "iter_6", "metrics.csv", "metrics.jsonl", "metrics.xlsx", "run.json"
    ]  # fmt: skip
    drawn = call("plot", "out", "--output", "curves.png", cwd=tmp_path)
    assert drawn.returncode == 0 and "out: 2 rows" in drawn.stdout, drawn.stderr
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"


def test_a_run_that_is_none_is_named(tmp_path: Path) -> None:
    refused = call("plot", "none", cwd=tmp_path)
    assert refused.returncode == 2
    assert "none does not exist. Give the --save_dir of a training" in refused.stderr
    assert "Traceback" not in refused.stderr
