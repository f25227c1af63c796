"""tools/compare.py: two evaluations of the same images, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.conftest import Refusal, options
from tests.tools.reporting import call_here, save_weights


@pytest.fixture(scope="module")
def reports(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports a and b of two models, and c of other images."""
    folder = tmp_path_factory.mktemp("reports")
    for name, seed, mode in (("a", 3, "val"), ("b", 5, "val"), ("c", 3, "train")):
        weights = save_weights(pictures, folder / "weights" / name, seed)
        args = ("--model_path", weights, "--report", folder / name)
        assert call_here("val", *args, *options(pictures, f"val_dataset.mode={mode}")) == 0
    return folder


def test_table_page_and_numbers(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html, data = tmp_path / "out/c.html", tmp_path / "c.json"
    args = ("--html", html, "--json", data, "--resamples", "211", "--seed", "2")
    assert call_here("compare", reports / "a", reports / "b", *args) == 0
    printed, found = capsys.readouterr().out, json.loads(data.read_text(encoding="utf-8"))
    assert printed.startswith(f"A: {reports / 'weights/a/model.pdparams'}\nB: ")
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows)[:4] == ["mIoU", "accuracy", "boundary IoU", "background"]
    scores = [json.loads((reports / name / "report.json").read_text()) for name in "ab"]
    for name in ("mIoU", "accuracy"):
        a, b = (content[name] for content in scores)
        assert (rows[name]["a"], rows[name]["b"]) == pytest.approx((a, b))
        assert f"{a:.4f}" in printed and f"{rows[name]['difference']:+.4f}" in printed
    assert found["bootstrap"] == {"resamples": 211, "seed": 2, "level": 0.95}
    assert "3 images are few" in printed and html.stat().st_size > 10_000


def test_what_is_refused(refused: Refusal, reports: Path, tmp_path: Path) -> None:
    a, c = str(reports / "a"), str(reports / "c")
    assert "other images: A has 3, B 7" in refused("compare", a, c)
    assert "tools/val.py --report" in refused("compare", a, "none")
    (tmp_path / "mine.html").write_text("years of work")
    assert "something else" in refused("compare", a, a, "--html", "mine.html")
    assert (tmp_path / "mine.html").read_text() == "years of work"
