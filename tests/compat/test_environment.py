"""PaddleSeg's report of the machine, where cuDNN is missing."""

from __future__ import annotations

import paddle

from paddle_ann.compat.environment import without_cudnn


def test_missing_cudnn_is_reported(monkeypatch):
    monkeypatch.setattr(paddle, "get_cudnn_version", lambda: None)
    asked = paddle.get_cudnn_version

    def get_sys_env():
        version = paddle.get_cudnn_version()
        return {"cudnn": f"{version // 1000}.{version % 1000 // 100}"}

    assert without_cudnn(get_sys_env)() == {"cudnn": "not found"}
    assert paddle.get_cudnn_version is asked
    monkeypatch.setattr(paddle, "get_cudnn_version", lambda: 8600)
    assert without_cudnn(get_sys_env)() == {"cudnn": "8.6"}
