"""Processes that meet and exchange things: groups of threads stand for them."""

from __future__ import annotations

import os
import time

import numpy as np
import paddle

from paddle_ann.checkpoint import capture_random
from paddle_ann.engine import processes
from paddle_ann.engine.processes import Group
from paddle_ann.engine.signals import StopSignals


def test_alone():
    with Group() as group:
        assert group.meet(True) and not group.meet(False)
        assert group.gather("x") == ["x"] and group.share(5) == 5 and group.mean(7.0) == 7
        assert group.of_main(lambda: 3) == 3
        assert group.parallel(paddle.nn.Linear(2, 3)) is None
        group.make_equal([])
        group.listen(StopSignals())
    assert processes.size() == (1, 0) and processes.connect() is processes.connect()


def test_a_flag_of_one_is_known_to_all_in_the_same_meeting(together):
    raised = {(0, 2), (2, 3), (1, 3), (1, 6)}  # (rank, meeting)

    def work(group):
        return [group.meet((group.rank, meeting) in raised) for meeting in range(8)]

    expected = [meeting in (2, 3, 6) for meeting in range(8)]
    assert together(work) == [expected] * 3


def test_nobody_goes_on_alone(together):
    arrived = []

    def work(group):
        time.sleep(0.2 * group.rank)
        arrived.append(group.rank)
        group.meet()
        return len(arrived)

    assert together(work) == [3, 3, 3]


def test_exchange(together):
    def work(group):
        found = [group.gather((group.rank, time)) for time in range(3)]
        made = group.of_main(lambda: f"made by {group.rank}")
        return found, group.share(group.rank * 2 + 5), made, group.mean(group.rank)

    gathered = [[(rank, time) for rank in range(3)] for time in range(3)]
    assert together(work) == [(gathered, 5, "made by 0", 1.0)] * 3


def test_arrays_and_random_states_come_through(together):
    def work(group):
        found = group.gather({"a": np.arange(3 * group.rank, dtype=np.float32), "r": [group.rank]})
        states = group.gather(capture_random())
        return [one["a"].tolist() for one in found], len(states[1]["python"]["words"])

    expected = [[float(n) for n in range(3 * rank)] for rank in range(3)]
    assert together(work) == [(expected, 625)] * 3


def test_what_comes_out_of_the_store_runs_nothing(together, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    def work(group):
        try:
            return group.gather(Trap())
        except RuntimeError as error:
            return str(error)

    for text in together(work):
        assert "process 0's is no data of ours" in text and "mkdir" in text
    assert not (tmp_path / "sprung").exists()


def test_a_second_job_begins_anew(together):
    assert together(lambda group: (group.gather(1), group.meet())) == [([1, 1, 1], False)] * 3
