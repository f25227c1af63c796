"""The peak memory is that of the run: what it frees counts, what was there before does not."""

import sys

import numpy as np
import pytest

from paddle_ann.benchmark import memory

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel counts on Linux only")


def test_a_short_peak_is_seen_and_the_past_is_not():
    kept = np.ones(200 * MIB, np.uint8)
    np.ones(300 * MIB, np.uint8)  # an earlier peak

    def run():
        np.ones(100 * MIB, np.uint8)  # freed at once
        np.ones(50 * MIB, np.uint8)

    assert memory.peak_on_cpu(run) / MIB == pytest.approx(100, abs=10)
    assert kept[0]


def test_a_child_that_fails_says_why():
    with pytest.raises(RuntimeError, match="StopIteration"):
        memory.peak_in_child("no such case", "ours", {"threads": 1, "quick": True})
