"""Processes that fail as one, in groups of threads."""

from __future__ import annotations

import threading
import time

import pytest

from paddle_ann.engine import watch
from paddle_ann.engine.processes import OtherProcessFailed


@pytest.mark.parametrize("rank", [0, 2])
def test_an_error_of_one_ends_all_and_names_it(together, rank):
    def work(group):
        if group.rank == rank:
            raise ValueError("mine")
        group.meet()

    found = together(work)
    assert repr(found.pop(rank)) == "ValueError('mine')"
    assert [type(error) for error in found] == [OtherProcessFailed] * 2
    text = f"Process {rank} of 3 failed while training: ValueError: mine"
    assert [str(error) for error in found] == [text] * 2


@pytest.mark.parametrize("rank", [0, 2])
def test_silence_of_one_ends_all_and_names_it(together, rank):
    def work(group):
        if group.rank == rank:
            group.watch.close()  # its heart stops
            time.sleep(1.3)
            return "silent"
        group.meet()

    found = together(work)
    assert found.pop(rank) == "silent"
    assert [str(error)[:22] for error in found] == [f"Process {rank} of 3 is gone"] * 2


def test_a_broken_connection_is_told_by_its_cause(together):
    def work(group):
        if group.rank == 1:
            raise ValueError("mine")
        raise RuntimeError("[gloo/transport/tcp/pair.cc:584] TIMEOUT")

    found = together(work, world=2)
    assert str(found[0]) == "Process 1 of 2 failed while training: ValueError: mine"


def test_a_broken_connection_to_a_process_that_told_nothing(together, monkeypatch):
    monkeypatch.setattr(watch, "SILENCE_S", 60.0)
    monkeypatch.setattr(watch, "LOOK_S", 0.3)

    def work(group):
        if group.rank == 2:
            group.watch.close()
            time.sleep(1.2)
            return
        time.sleep(0.3)
        raise RuntimeError("[gloo/transport/tcp/pair.cc:584] TIMEOUT")

    found = together(work)
    assert [str(error)[:22] for error in found[:2]] == ["Process 2 of 3 is gone"] * 2


def test_a_store_that_does_not_answer(together, monkeypatch):
    """As when process 0 is stopped: calls do not come back."""
    monkeypatch.setattr(watch, "ANSWER_S", 0.1)
    answer = threading.Event()

    def work(group):
        if group.rank == 0:
            return group.gather(0)
        group.watch._store.add = lambda name, amount: answer.wait(20)
        time.sleep(1.2)
        group.gather(1)

    found = together(work, world=2)
    answer.set()
    assert str(found[1]).startswith("Process 0 of 2 is gone")


def test_slow_is_not_silent(together):
    def work(group):
        if group.rank == 0:
            time.sleep(1.6)  # twice SILENCE_S
        return group.meet()

    assert together(work) == [False] * 3
