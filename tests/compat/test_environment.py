"""PaddleSeg's report of the machine, where cuDNN is missing."""

from __future__ import annotations

import paddle
import pytest

from paddle_ann.compat.environment import without_cudnn


@pytest.mark.parametrize("answer", [None, -1])
def test_missing_cudnn_is_reported(monkeypatch, answer):
    monkeypatch.setattr(paddle, "get_cudnn_version", lambda: answer)
    asked = paddle.get_cudnn_version

    def get_sys_env():
        version = paddle.get_cudnn_version()
        return {"cudnn": f"{version // 1000}.{version % 1000 // 100}"}

    assert without_cudnn(get_sys_env)() == {"cudnn": "not found"}
    assert paddle.get_cudnn_version is asked
    monkeypatch.setattr(paddle, "get_cudnn_version", lambda: 8600)
    assert without_cudnn(get_sys_env)() == {"cudnn": "8.6"}
