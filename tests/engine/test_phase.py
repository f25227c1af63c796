"""What a process is doing, and the lines about it when it takes long."""

from __future__ import annotations

import os
import threading
import time

import pytest

from paddle_ann.engine import phase
from paddle_ann.engine.phase import Patience, Phase
from tests.engine import toy


def test_phases_nest_and_end():
    one = Phase()
    assert str(one) == "training"
    with one.during("evaluating", waits=False):
        with one.during("reading data"):
            assert str(one) == "evaluating: reading data"
        assert str(one) == "evaluating"
    assert str(one) == "training"


def test_an_error_carries_the_innermost_phase():
    one = Phase()
    with pytest.raises(KeyError) as caught, one.during("evaluating", waits=False):
        with one.during("reading data"):
            raise KeyError("image 7")
    assert caught.value.phase == "evaluating: reading data"
    assert str(one) == "training"


def test_only_what_waits_is_timed_and_each_thing_anew():
    one = Phase()
    with one.during("evaluating", waits=False):
        time.sleep(0.05)
        assert one.waited() == 0
        with one.during("reading data"):
            time.sleep(0.05)
            assert 0.05 <= one.waited() < 1
        assert one.waited() == 0
        with one.during("reading data"):
            assert one.waited() < 0.05


@pytest.fixture
def lines(monkeypatch):
    """What Patience says, at a hundred times its speed."""
    said: list[str] = []
    monkeypatch.setattr(phase, "PATIENCE_S", 0.3)
    monkeypatch.setattr(phase, "PERIOD_S", 0.02)
    monkeypatch.setattr(phase.logger, "warning", said.append)
    return said


def test_a_line_a_minute_while_it_waits(lines):
    one = Phase()
    patience = Patience("Process 1 of 2", one, lambda: "Process 0 is training.")
    patience.start()
    with one.during("reading data"):
        time.sleep(1.1)
    count = len(lines)
    time.sleep(0.4)  # computing is no waiting
    patience.close()
    assert count == 3 and len(lines) == 3 and not patience.is_alive()
    assert lines[0].startswith(
        "Process 1 of 2 has been reading data for 0 s. Process 0 is training."
    )
    assert f"kill -9 {os.getpid()}" in lines[0] and "resume_model='auto'" in lines[0]


def test_what_goes_on_is_not_told(lines):
    one = Phase()
    patience = Patience("This process", one, str)
    patience.start()
    for _ in range(8):  # twice as long as its patience, in pieces
        with one.during("reading data"):
            time.sleep(0.08)
    patience.close()
    assert lines == []


class Slow:
    """A data set that takes its time for one sample."""

    def __init__(self, data, at: int) -> None:
        self.data, self.at = data, at

    def __getattr__(self, name):
        if name == "data":
            raise AttributeError(name)
        return getattr(self.data, name)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        if index == self.at:
            time.sleep(1.0)
        return self.data[index]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_says_that_it_waits_for_its_data(tmp_path, lines, workers):
    data = Slow(toy.dataset(tmp_path / "voc"), 3)
    done = toy.run(tmp_path / "voc", tmp_path / "out", train_dataset=data, num_workers=workers)
    assert done["result"].iteration == 8
    what = {line.split(" has been ")[1].split(" for ")[0].split(": ")[-1] for line in lines}
    assert "reading data" in what
    assert what <= {"checking train_dataset", "reading data"}
    assert not [t for t in threading.enumerate() if t.name == "paddle_ann-patience"]


def test_an_evaluation_says_so_too(tmp_path, lines):
    from paddle_ann.engine import evaluate

    data = Slow(toy.dataset(tmp_path / "voc", "val"), 3)
    evaluate(toy.Small(), data, print_detail=False)
    assert [line for line in lines if "has been evaluating: reading data for" in line]


def test_processes_know_what_the_others_do(together, lines):
    def work(group):
        group.meet()
        with group.during("reading data"):
            time.sleep(0.9 * group.rank)
        return group.meet()

    assert together(work, world=2) == [False, False]
    waiting = [line for line in lines if line.startswith("Process 0 of 2 has been waiting for")]
    reading = [line for line in lines if line.startswith("Process 1 of 2 has been reading data")]
    assert waiting and reading
    assert "Process 1 is reading data." in waiting[0]
    assert "Process 0 is waiting for the other processes." in reading[-1]
