"""A training that blows up, and its black box computed again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.conftest import CONFIG, call, options


@pytest.mark.slow
def test_a_training_that_blows_up_can_be_replayed(pictures: Path, tmp_path: Path) -> None:
    loss = "{type: CrossEntropyLoss, weight: median_frequency}"  # which the data tells
    (tmp_path / "weighted.yml").write_text(f"_base_: {CONFIG}\nloss:\n  types: [{loss}, {loss}]\n")
    weighted = [*options(pictures), "--config", "weighted.yml"]
    rate = ("--learning_rate", "1e30", "--iters", "5", "--save_dir", "out")
    trained = call("train", *weighted, *rate, cwd=tmp_path)
    assert trained.returncode == 2
    assert "not finite" in trained.stderr or "is nan" in trained.stderr
    (report,) = (tmp_path / "out/black_box").glob("iter_*.json")
    assert str(Path("out/black_box") / report.name) in trained.stderr
    layer = json.loads(report.read_text())["first_non_finite_layer"]["layer"]

    replayed = call("replay", str(report), *weighted, cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stderr
    assert f"First output that is not finite: {layer} (" in replayed.stdout

    report.with_suffix(".npz").unlink()
    refused = call("replay", str(report), *options(pictures), cwd=tmp_path)
    assert refused.returncode == 2
    assert f"{report.with_suffix('.npz')} does not exist" in refused.stderr
