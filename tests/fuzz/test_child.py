"""A case that crashes, hangs or fails in a child fails its test, and the next one runs."""

from __future__ import annotations

import os
import time

import pytest

from tests.fuzz import child as module
from tests.fuzz.child import Child
from tests.fuzz.outcome import COUNTS, attempt


def crash() -> None:
    print("going down", flush=True)
    os.abort()


def count() -> None:
    attempt("in a child", os.getpid)


def test_what_becomes_of_a_case(tmp_path, monkeypatch):
    child = Child(tmp_path / "log")
    for _ in range(2):
        with pytest.raises(AssertionError, match=r"with -6\n(.|\n)*going down(.|\n)*in crash"):
            child.call(crash)
    with pytest.raises(AssertionError, match="Traceback(.|\n)*FileNotFoundError.*gone"):
        child.call(os.stat, "gone")
    child.call(count)
    assert COUNTS.pop(("in a child", "accepted")) == 1
    monkeypatch.setattr(module, "_LONGEST_S", 0.1)
    with pytest.raises(AssertionError, match=r"no end within 0.1 s"):
        child.call(time.sleep, 60)
    child.close()
