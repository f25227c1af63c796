"""Throughput on paper: numbers worked out by hand."""

from __future__ import annotations

import pytest

from paddle_ann.benchmark.scaling import Links, exchange_seconds, growth, table

LINKS = Links(gpus_per_node=4, inside=800, network=80, latency=50)  # 100 and 10 GB/s


def test_a_ring_carries_twice_the_gradients_but_for_one_share():
    # 2 * 3/4 * 200 MB at 100 GB/s are 3 ms, and 6 rounds of 50 us
    assert exchange_seconds(200e6, 4, LINKS) == pytest.approx(3e-3 + 0.3e-3)
    # 2 * 7/8 * 200 MB over the network, 10 GB/s: 35 ms, and 14 rounds
    assert exchange_seconds(200e6, 8, LINKS) == pytest.approx(35e-3 + 0.7e-3)
    assert exchange_seconds(200e6, 1, LINKS) == 0


def test_what_overlaps_the_backward_pass_is_free():
    one, four, eight = growth(0.030, 6, 200e6, LINKS, (1, 4, 8))
    assert (one.best, one.worst, one.efficiency) == (200, 200, 1)
    assert four.best == pytest.approx(800) and four.worst == pytest.approx(24 / 0.0333)
    assert eight.best == pytest.approx(48 / (0.030 + 0.0357 - 0.020))
    assert eight.worst_efficiency == pytest.approx(0.030 / 0.0657)


@pytest.mark.parametrize("bad", [{"step_seconds": 0}, {"gradient_bytes": -1}])
def test_figures_must_be_positive(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be positive"):
        growth(**{"step_seconds": 1, "batch_size": 1, "gradient_bytes": 1, "links": LINKS, **bad})
    with pytest.raises(ValueError, match="network must be positive"):
        growth(1, 1, 1, Links(network=0))


def test_the_table():
    text = table(growth(0.030, 6, 200e6, LINKS, (1, 4)))
    assert text.splitlines()[2:] == [
        "| 1 | 0.0 ms | 200.0 (100%) | 200.0 (100%) |",
        "| 4 | 3.3 ms | 800.0 (100%) | 720.7 (90%) |",
    ]
