"""Paddle Inference with `enable_memory_optim`, as PaddleSeg's deploy/python/infer.py calls it."""

from __future__ import annotations

import subprocess
import sys

import paddle
import pytest

from paddle_ann import compat
from paddle_ann.compat.inference import with_new_executor

SCRIPT = """
import sys
from paddle import inference
if "mended" in sys.argv:
    import paddle_ann
names = [sys.argv[1] + ending for ending in (".json", ".pdiparams")]
config = inference.Config(*names)
config.disable_glog_info()
config.enable_memory_optim()
config.switch_ir_optim(True)
config.disable_gpu()
inference.create_predictor(config).run()
"""


@pytest.mark.slow
@pytest.mark.skipif(paddle.__version__ < "3", reason="the fault is Paddle 3's")
def test_a_predictor_is_made_with_memory_optimisation(tmp_path):
    layer = paddle.nn.Linear(3, 5)
    paddle.jit.save(layer, str(tmp_path / "m"), [paddle.static.InputSpec([2, 3], "float32", "x")])
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "m")]
    raw = subprocess.run(command, capture_output=True, text=True)
    assert raw.returncode and "memory_optimize_pass" in raw.stderr
    assert "memory_optimize_pass" not in subprocess.run(
        [*command, "mended"], capture_output=True, text=True
    ).stderr


def test_only_switching_it_on_chooses_the_executor():
    calls = []

    class Config:
        def enable_new_executor(self):
            calls.append("new")

    wrapped = with_new_executor(lambda self, x=True: calls.append(x))
    wrapped(Config(), False)
    wrapped(Config())
    assert calls == [False, True, "new"]
    assert "inference-memory" in {fix.name for fix in compat.fixes()}
