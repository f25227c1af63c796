"""tools/class_weights.py as a user runs it, and training with the weights it computes."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from tests.datasets import camvid_trees as trees
from tests.tools.conftest import CONFIG, ROOT, call, options

CAMVID = str(ROOT / "configs/_base_/camvid.yml")


def roots(root):
    return ["--opts", *(f"{section}_dataset.dataset_root={root}" for section in ("train", "val"))]


def test_table_and_yaml(tmp_path):
    label = np.where(np.arange(35) < 11, 1, 3).reshape(5, 7)
    root = trees.segnet(tmp_path / "data", label, (2, 1, 1))
    run = call(
        "class_weights", "--config", CAMVID, *roots(root), "--output", "w/w.yml", cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    rows = [line.split() for line in run.stdout.splitlines()]
    assert ["building", "31.429%", "2", "0.31429", "1.5909"] in rows
    written = (tmp_path / "w/w.yml").read_text()
    assert written in run.stdout
    weight = yaml.safe_load(written)["loss"]["types"][0]["weight"]
    # frequencies 11/35 and 24/35; their median is 1/2
    assert weight == [1, 1.591, 1, 0.7292, 1, 1, 1, 1, 1, 1, 1]


def test_what_is_the_users_error(tmp_path, refused):
    root = trees.segnet(tmp_path / "data", np.zeros((5, 7)), (1, 1, 1))
    (tmp_path / "mine.yml").write_text("precious: 1\n")
    given = ["--config", CAMVID, *roots(root)]
    assert "mine.yml exists" in refused("class_weights", *given, "--output", "mine.yml")
    assert (tmp_path / "mine.yml").read_text() == "precious: 1\n"
    assert "cap is 0.5" in refused("class_weights", *given, "--cap", "0.5")
    (root / "trainannot/0.png").unlink()
    assert "0.png is missing" in refused("class_weights", *given)


@pytest.mark.slow
def test_a_training_that_computes_them(data, tmp_path):
    config = tmp_path / "weighted.yml"
    config.write_text(
        f"_base_: {CONFIG}\n"
        "loss: {types: [{type: CrossEntropyLoss, weight: median_frequency}], coef: [1, 0.4]}\n"
    )
    args = options(data)
    args[1] = str(config)
    run = call("train", *args, "--iters", "2", "--save_dir", "out", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "weight: median_frequency of the 7 training masks is [" in run.stdout
