"""Which precision is chosen: on a CPU, and on GPUs that Paddle is made to report."""

from __future__ import annotations

import paddle
import pytest

from paddle_ann.engine.precision import Precision, choose
from tests.engine import toy


@pytest.fixture
def gpu(monkeypatch):
    def report(has_bfloat16: bool) -> None:
        monkeypatch.setattr(paddle, "get_device", lambda: "gpu:0")
        monkeypatch.setattr(paddle.amp, "is_bfloat16_supported", lambda: has_bfloat16)

    return report


@pytest.mark.parametrize(
    ("name", "has_bfloat16", "chosen"),
    [
        ("auto", True, "bf16"),
        ("auto", False, "fp16"),
        ("bf16", True, "bf16"),
        ("fp16", True, "fp16"),
        ("fp32", True, "fp32"),
    ],
)
def test_on_a_gpu(gpu, name, has_bfloat16, chosen):
    gpu(has_bfloat16)
    assert choose(name, "O2") == Precision(chosen, "O2")


def test_a_gpu_without_bfloat16_is_refused_by_name(gpu):
    gpu(False)
    with pytest.raises(RuntimeError, match="this GPU has no bfloat16. Use 'fp16' or 'auto'"):
        choose("bf16", "O1")


@pytest.mark.parametrize(("name", "said"), [("auto", False), ("bf16", True), ("fp16", True)])
def test_on_a_cpu_it_is_fp32_and_said_where_another_was_asked_for(name, said, capsys):
    assert choose(name, "O1") == Precision("fp32", "O1")
    assert (f"precision='{name}' has no effect on the CPU" in capsys.readouterr().out) == said


def test_auto_trains_as_fp32_on_a_cpu(root, tmp_path):
    weights = []
    for name in ("fp32", "auto"):
        with paddle.utils.unique_name.guard():
            toy.run(root, tmp_path / name, iters=2, precision=name)
        weights.append(toy.arrays(tmp_path / name / "iter_2"))
    toy.assert_same(*weights)
