"""tools/val.py --report: the report says what the command prints, whatever the batches."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.tools.conftest import Refusal, options
from tests.tools.reporting import call_here, save_weights


@pytest.fixture(scope="module")
def weights(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_weights(pictures, tmp_path_factory.mktemp("weights") / "a", 3)


def content(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_it_says_what_is_printed(
    pictures: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = ("--model_path", str(weights))
    for size in ("1", "2"):
        more = ("--batch_size", size, "--worst", "2", "--report", str(tmp_path / size))
        saved = ("--save_json", str(tmp_path / f"{size}.json"))
        assert call_here("val", *model, *more, *saved, *options(pictures)) == 0
    printed = capfd.readouterr().out
    one, two = content(tmp_path / "1"), content(tmp_path / "2")
    assert (
        re.findall(r"mIoU: ([\d.]+) Acc: ([\d.]+) Kappa: ([\d.]+) Dice: ([\d.]+)", printed)
        == [tuple(f"{one[name]:.4f}" for name in ("mIoU", "accuracy", "kappa", "dice"))] * 2
    )
    scores = json.loads((tmp_path / "1.json").read_text(encoding="utf-8"))
    assert {name: one[name] for name in scores} == scores
    assert "background" in scores["class_iou"] and len(one["worst"]) == 2
    assert one["source"]["data"] == "PascalVOC val" and one["source"]["model"].endswith("pdparams")
    for volatile in ("source", "calibration"):  # of which the last digits depend on the batches
        one.pop(volatile), two.pop(volatile)
    assert one == two
    assert (tmp_path / "1/report.html").stat().st_size > 20_000
    first = json.loads((tmp_path / "1/images.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert first["image"] == "VOC2012/JPEGImages/toy_val_00000.jpg"


def test_a_place_that_cannot_be_written_is_refused_before_the_evaluation(
    refused: Refusal, weights: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/report.html").write_text("years of work")
    message = refused("val", "--report", "mine", "--model_path", str(weights), *options(pictures))
    assert "mine/report.html exists and is no part of a report" in message
    assert (tmp_path / "mine/report.html").read_text() == "years of work"


@pytest.mark.slow
def test_two_processes_write_the_same(
    pictures: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import subprocess
    import sys

    from tests.tools.conftest import ROOT

    model = ("--model_path", str(weights))
    assert call_here("val", *model, "--report", str(tmp_path / "1"), *options(pictures)) == 0
    launch = ["-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--backend", "gloo"]
    tool = [str(ROOT / "tools/val.py"), *model, "--report", str(tmp_path / "2"), *options(pictures)]
    done = subprocess.run(
        [sys.executable, *launch, *tool], cwd=tmp_path, capture_output=True, timeout=500
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    one, two = content(tmp_path / "1"), content(tmp_path / "2")
    for volatile in ("source", "calibration"):
        one.pop(volatile), two.pop(volatile)
    assert one == two
