"""What the guard costs: measured on real updates, with hooks only where they are measured."""

from __future__ import annotations

import pytest

from paddle_ann.benchmark import guard
from paddle_ann.benchmark.guard import Cost, Guarded
from paddle_ann.benchmark.timing import spread


def test_the_share_is_that_of_the_time_inside():
    cost = Cost("skip", *map(spread, ([0.2, 0.1, 0.3], [0.2], [0.001, 0.002, 0.1])))
    assert cost.share == pytest.approx(0.01)
    text = "skip: update 200.0 ms without, 200.0 ms with the guard; in the guard 2.00 ms, 1.00 %"
    assert str(cost) == text


def test_updates_are_made_and_timed(monkeypatch):
    made = []
    monkeypatch.setattr(guard.Step, "update", lambda self: made.append(self.optimizer))
    costs = guard.measure(["stop", "skip"], updates=2, size=37, batch_size=2)
    assert [cost.policy for cost in costs] == ["stop", "skip"]
    assert len(made) == 3 * (2 + 3)
    for cost in costs:
        assert 0 < cost.inside.median < cost.guarded.median
        assert cost.plain == costs[0].plain


def test_the_hooks_are_there_for_guarded_updates_alone():
    step, run = guard.make(37, 2)
    one = Guarded("stop", step, run)
    with one.plugged_in():
        trained = [p for p in run.model.parameters() if not p.stop_gradient]
        assert len(one.norm._hooks) == sum(p.ndim != 1 for p in trained)
        one.update()
        assert one.norm.seconds > 0 and run.gradient_norm > 0
    assert not one.norm._hooks
    before = one.norm.seconds
    Guarded(None, step, run).update()
    assert one.norm.seconds == before
