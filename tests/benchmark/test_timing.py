"""Sides are run in turn, only their own time counts, and the medians are medians."""

import contextlib

import pytest

from paddle_ann.benchmark.timing import interleave, ratios, spread


class World:
    """A clock that moves only while something runs, and a log of what ran."""

    def __init__(self, drift=1.0):
        self.now, self.log, self.drift = 0.0, [], drift

    def side(self, name, seconds):
        def run():
            self.log.append(name)
            self.now += seconds * self.drift
            self.drift *= 1.1

        return run

    def clock(self):
        return self.now


def test_sides_alternate_and_the_order_turns_round():
    world = World()
    sides = {"a": world.side("a", 2), "b": world.side("b", 1)}
    taken = interleave(sides, rounds=3, warm_up=1, clock=world.clock)
    assert "".join(world.log) == "ba" + "ab" + "ba" + "ab"  # one warm-up round, three that count
    assert {name: len(times) for name, times in taken.items()} == {"a": 3, "b": 3}


def test_a_drifting_machine_leaves_the_ratio_alone():
    """Each run is 10 % slower than the one before: turning the order round cancels it."""
    world = World()
    sides = {"a": world.side("a", 2), "b": world.side("b", 1)}
    taken = interleave(sides, rounds=20, clock=world.clock)
    assert taken["a"][-1] > 20 * taken["a"][0]
    assert spread(ratios(taken["a"], taken["b"])).median == pytest.approx(2, rel=0.01)


def test_preparation_and_synchronisation():
    world = World()

    @contextlib.contextmanager
    def slow_preparation():
        world.log.append("in")
        world.now += 100
        yield
        world.now += 100
        world.log.append("out")

    def synchronize():  # the device is still busy when run() returns
        if world.log[-1] == "a":
            world.now += 5

    taken = interleave(
        {"a": world.side("a", 1)},
        rounds=1,
        warm_up=0,
        around={"a": slow_preparation},
        synchronize=synchronize,
        clock=world.clock,
    )
    assert world.log == ["in", "a", "out"]
    assert taken["a"] == [6.0]


def test_time_limit_keeps_the_minimum_of_rounds():
    world = World()
    options = dict(rounds=50, warm_up=0, clock=world.clock, min_rounds=3)
    assert len(interleave({"a": world.side("a", 9)}, seconds=1, **options)["a"]) == 3
    world = World()
    options["clock"] = world.clock
    world.side("x", 1)
    steady = interleave({"a": lambda: setattr(world, "now", world.now + 1)}, seconds=10, **options)
    assert len(steady["a"]) == 10


def test_spread_is_median_and_quartiles():
    assert spread([3.0]) == (3, 3, 3)
    assert spread([5.0, 1.0, 3.0, 2.0, 4.0]) == (3, 2, 4)


@pytest.mark.parametrize(("sides", "rounds"), [({}, 3), ({"a": int}, 0)])
def test_nothing_to_run_is_refused(sides, rounds):
    with pytest.raises(ValueError, match="a side and a round"):
        interleave(sides, rounds=rounds)
