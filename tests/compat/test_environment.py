"""PaddleSeg's report of the machine, where cuDNN is missing; its log lines."""

from __future__ import annotations

import io
import sys

import paddle
import pytest
from paddleseg.utils import logger

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


def test_log_lines_are_what_was_said(capsys):
    logger.info("已保存 道路.png")
    logger.warning("\udcff.png")
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("[INFO]\t已保存 道路.png")
    assert said[1].endswith("[WARNING]\t\\udcff.png")


def test_a_terminal_without_chinese_gets_numbers(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    logger.error("道")
    assert terminal.buffer.getvalue().endswith(b"[ERROR]\t\\u9053\n")
