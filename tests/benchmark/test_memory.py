"""The peak memory is that of the run: what it frees counts, what was there before does not."""

import subprocess
import sys

import pytest

from paddle_ann.benchmark import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel counts on Linux only")

PEAK = """
import numpy as np
from paddle_ann.benchmark import memory

MIB = 2**20
kept = np.ones(200 * MIB, np.uint8)
np.ones(300 * MIB, np.uint8)  # an earlier peak

def run():
    np.ones(100 * MIB, np.uint8)  # freed at once
    np.ones(50 * MIB, np.uint8)

print(memory.peak_on_cpu(run) / MIB)
"""


def test_a_short_peak_is_seen_and_the_past_is_not():
    """In a process of its own, as the benchmark measures: this one's heap has holes to reuse."""
    command = [sys.executable, "-c", PEAK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout.splitlines()[-1]) == pytest.approx(100, abs=10)


def test_a_child_that_fails_says_why():
    with pytest.raises(RuntimeError, match="StopIteration"):
        memory.peak_in_child("no such case", "ours", {"threads": 1, "quick": True})
