"""Which engine `auto` takes, when it is measured, and what is remembered of it."""

from __future__ import annotations

import json
import shutil

import pytest

from paddle_ann.deploy import Predictor, choosing, writing
from paddle_ann.deploy.runner import Bundle
from tests.deploy.conftest import DESCRIPTION

pytest.importorskip("openvino")


@pytest.fixture
def seconds(monkeypatch, tmp_path):
    """What each engine takes, and a list of those that were timed."""
    taken, asked = {"onnxruntime": 0.9, "openvino": 0.5}, []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        choosing, "_time", lambda bundle: asked.append(bundle.engine) or taken[bundle.engine]
    )
    return taken, asked


def test_the_fastest_is_taken_told_and_remembered(bundle, seconds, capsys):
    _, asked = seconds
    predictor = Predictor(bundle)
    assert predictor.engine == predictor.bundle.engine == "openvino"
    assert asked == ["onnxruntime", "openvino"]
    told = " ".join(capsys.readouterr().out.split())
    assert "openvino is taken" in told and "onnxruntime 900 ms, openvino 500 ms" in told
    assert str(choosing.memory()) in told
    assert list(json.loads(choosing.memory().read_text()).values()) == ["openvino"]
    assert Predictor(bundle).engine == "openvino" and len(asked) == 2
    copy = shutil.copytree(bundle, bundle.with_name("copy"))
    assert Predictor(copy).engine == "openvino" and len(asked) == 2  # the same graph
    Predictor(bundle, threads=1)
    assert len(asked) == 4
    assert Predictor(bundle, "onnxruntime").engine == "onnxruntime" and len(asked) == 4


def test_another_graph_is_measured_anew(bundle, seconds):
    Predictor(bundle)
    content = (bundle / "model.onnx").read_bytes()
    (bundle / "model.onnx").write_bytes(content.replace(b"one convolution", b"two convolution"))
    writing.write_description(bundle, DESCRIPTION)
    Predictor(bundle)
    assert len(seconds[1]) == 4


@pytest.mark.parametrize(
    "times, engine, tried",
    [
        ((0.9, 0.87), "onnxruntime", 2),  # not worth the change
        ((0.9, 0.80), "openvino", 2),
        ((0.001, 0.0001), "onnxruntime", 1),  # quick enough; no other is started
    ],
)
def test_the_first_stays_unless_another_is_clearly_faster(bundle, seconds, times, engine, tried):
    seconds[0].update(zip(("onnxruntime", "openvino"), times))
    assert Predictor(bundle).engine == engine and len(seconds[1]) == tried


def test_an_engine_that_cannot_run_it_is_left_out(bundle, seconds, capsys):
    del seconds[0]["openvino"]
    assert Predictor(bundle).engine == "onnxruntime"
    assert "openvino is left out" in " ".join(capsys.readouterr().out.split())
    seconds[0].clear()
    choosing.memory().unlink()
    with pytest.raises(KeyError):
        Predictor(bundle)


@pytest.mark.parametrize("content", ["{", "[]", "3", '{"KEY": "torch"}', '{"KEY": ["openvino"]}'])
def test_a_damaged_memory_is_no_memory(bundle, seconds, content):
    Predictor(bundle)
    [key] = json.loads(choosing.memory().read_text())
    choosing.memory().write_text(content.replace("KEY", key))
    assert Predictor(bundle).engine == "openvino" and len(seconds[1]) == 4
    assert json.loads(choosing.memory().read_text())[key] == "openvino"


def test_where_nothing_can_be_written_nothing_is_remembered(bundle, seconds, tmp_path, capsys):
    (tmp_path / "cache").write_text("a file")
    assert Predictor(bundle).engine == "openvino"
    assert "not remembered" in " ".join(capsys.readouterr().out.split())


def test_the_measurement_itself(plain_bundle, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert 0 < choosing._time(Bundle(plain_bundle, "onnxruntime")) < 60
    best, seconds = choosing.measure(plain_bundle, ["openvino", "onnxruntime"])
    assert best.engine in seconds and "openvino" in seconds


def test_what_is_wrong_with_a_folder_is_said_first(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no whole bundle"):
        Predictor(tmp_path)


def test_fewer_bits(bundle):
    predictor = Predictor(bundle, "openvino")
    assert predictor.bundle.engine == "openvino"
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16; received 'int8'"):
        Predictor(bundle, "openvino", precision="int8")
    with pytest.raises(ValueError, match="bf16 is computed by openvino alone"):
        Predictor(bundle, "onnxruntime", precision="bf16")
    try:
        found = Predictor(bundle, precision="bf16")
    except ValueError as error:
        assert "this processor has no bfloat16" in str(error)
    else:
        assert found.engine == "openvino"


def test_a_changed_file_is_refused_and_not_gone_round(bundle, seconds):
    with open(bundle / "model.onnx", "ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="model.onnx is not what was exported"):
        Predictor(bundle)
    assert not seconds[1]
