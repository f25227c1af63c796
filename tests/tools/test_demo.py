"""The demonstration keeps what is not its own, and shows where everything is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.conftest import call, load_tool

demo = load_tool("demo")


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    first = demo.fresh_folder(tmp_path / "out")
    (first / "model").write_text("old")
    assert demo.fresh_folder(tmp_path / "out") == first
    assert [path.name for path in first.iterdir()] == [demo.MARK]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_not_the_demos_stays(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "my-run"
    if kind == "folder":
        mine.mkdir()
    kept = mine / "model" if kind == "folder" else mine
    kept.write_text("years of work")
    assert demo.fresh_folder(mine) == tmp_path / "my-run-2"
    assert kept.read_text() == "years of work"
    assert "stays" in capsys.readouterr().out


@pytest.mark.slow
def test_demo_twice(tmp_path: Path) -> None:
    for again in (False, True):
        done = call("demo", "--iters", "3", cwd=tmp_path, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("found complete" in done.stdout) == again
        assert ("which this one replaces" in done.stdout) == again
    run = tmp_path / "output/demo"
    assert len(json.loads((run / "scores.json").read_text())["class_iou"]) == 21
    assert (run / "contact_sheet.png").stat().st_size < 300_000
    assert len(list((run / "pictures/pseudo_color_prediction").glob("*.png"))) == demo.NUM_PICTURES
    for word in (
        "best weights:",
        "visualdl --logdir output/demo --host 127.0.0.1",
        "mIoU",
        "Time:",
    ):
        assert word in done.stdout
    assert list(run.glob("vdlrecords.*.log"))
