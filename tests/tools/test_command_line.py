"""How a command ends, and what it says then."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import pytest
from paddleseg.cvlibs import SegBuilder

from tests.tools.conftest import load_tool

command_line = load_tool("command_line")
Outcome = Callable[[BaseException, bool], tuple[int, str]]


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Outcome:
    def run(error: BaseException, debug: bool = False) -> tuple[int, str]:
        def command(args: argparse.Namespace) -> None:
            raise error

        argv = ["x.py", "--config", "c.yml", *(["--debug"] if debug else [])]
        monkeypatch.setattr(sys, "argv", argv)
        code = command_line.run(command, command_line.make_parser("."))
        return code, capsys.readouterr().err.strip()

    return run


def test_ends(outcome: Outcome) -> None:
    assert outcome(ValueError("two\nlines")) == (2, "x.py: error: two lines (--debug shows where)")
    assert outcome(FileNotFoundError("gone"))[0] == 2
    assert outcome(KeyboardInterrupt()) == (130, "x.py: interrupted")
    with pytest.raises(ValueError, match="two"):
        outcome(ValueError("two"), True)
    with pytest.raises(ZeroDivisionError):  # a fault of ours, not of the user: all of it is shown
        outcome(ZeroDivisionError())


def test_what_cannot_be_built_is_one_line() -> None:
    with pytest.raises(RuntimeError) as error:
        SegBuilder(None).build_component({"type": "ResNet18_vd", "nonsense": 1})
    line = command_line.one_line(error.value)
    assert line.startswith("ResNet18_vd cannot be built from {'nonsense': 1}: ")
    assert "\n" not in line
    assert command_line.one_line(RuntimeError()) == "RuntimeError"


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5"])
def test_counts(text: str) -> None:
    with pytest.raises((argparse.ArgumentTypeError, ValueError)):
        command_line.positive(text)
    assert command_line.positive("3") == 3 and command_line.not_negative("0") == 0
