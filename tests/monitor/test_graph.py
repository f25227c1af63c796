"""The graph of a model, traced in a process of its own."""

from __future__ import annotations

import json

import pytest

from paddle_ann.config import load
from paddle_ann.monitor import graph
from tests.engine.test_resume import ROOT


def write(folder, configuration) -> None:
    folder.mkdir(exist_ok=True)
    text = json.dumps({"parts": [{"configuration": configuration}]})
    (folder / "run.json").write_text(text)


def test_without_a_configuration_the_next_step_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run.json .*--model"):
        graph.draw_all(tmp_path)
    write(tmp_path, {})
    with pytest.raises(ValueError, match="no configuration .*--model"):
        graph.draw_all(tmp_path)


@pytest.mark.slow
def test_an_ann_is_drawn(tmp_path):
    config = load(str(ROOT / "configs/ann/ann_resnet18_os8_toyvoc_96x96_500.yml"))
    write(tmp_path / "run", config.dic)
    (file,) = graph.draw_all(tmp_path)
    text = file.read_text()
    assert json.loads(text)["version"] and "matmul_v2" in text and "softmax" in text
    before = file.stat().st_mtime_ns
    assert graph.draw_all(tmp_path) == [file] and file.stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_model_that_cannot_be_built_is_told(tmp_path):
    config = load(str(ROOT / "configs/ann/ann_resnet18_os8_toyvoc_96x96_500.yml")).dic
    write(tmp_path, {**config, "model": {**config["model"], "psp_size": [0]}})
    with pytest.raises(RuntimeError, match="could not be traced: .*psp_size|pool"):
        graph.draw_all(tmp_path)
