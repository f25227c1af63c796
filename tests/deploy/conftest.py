"""A bundle in no time: its network is one 1x1 convolution, written without Paddle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paddle_ann.deploy import writing
from paddle_ann.deploy.runner.description import FORMAT

WEIGHT = np.random.RandomState(0).randn(5, 3, 1, 1).astype(np.float32)
DESCRIPTION = {
    "format": FORMAT,
    "classes": ["void", "道路", "a b", "sky", "car"],
    "palette": [[0, 0, 0], [255, 0, 1], [2, 255, 3], [4, 5, 255], [6, 7, 8]],
    "preprocessing": [
        {"type": "Resize", "target_size": [83, 61]},
        {"type": "Normalize", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    ],
    "outputs": ["argmax", "logits"],
}


def write_graph(path: Path) -> None:
    """Logits by a convolution, and the largest of them."""
    onnx = pytest.importorskip("onnx", reason="the extra deploy is not installed")
    pytest.importorskip("onnxruntime", reason="the extra deploy is not installed")
    helper, kind = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["logits"]),
        helper.make_node("ArgMax", ["logits"], ["largest"], axis=1, keepdims=0),
        helper.make_node("Cast", ["largest"], ["argmax"], to=kind.INT32),
    ]
    axes = ["N", 3, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "one convolution",
        [helper.make_tensor_value_info("x", kind.FLOAT, axes)],
        [
            helper.make_tensor_value_info("argmax", kind.INT32, ["N", "H", "W"]),
            helper.make_tensor_value_info("logits", kind.FLOAT, ["N", 5, "H", "W"]),
        ],
        [onnx.numpy_helper.from_array(WEIGHT, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is remembered of engines out of the user's home."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A whole exported folder, without Paddle's graph, to spoil."""
    return make_bundle(tmp_path / "bundle", DESCRIPTION)


@pytest.fixture
def plain_bundle(tmp_path: Path) -> Path:
    """The same, that leaves pictures at their size."""
    steps = DESCRIPTION["preprocessing"][1:]
    return make_bundle(tmp_path / "plain", {**DESCRIPTION, "preprocessing": steps})


def make_bundle(folder: Path, description: dict) -> Path:
    folder.mkdir()
    write_graph(folder / "model.onnx")
    writing.write_runner(folder)
    writing.write_description(folder, description)
    return folder
