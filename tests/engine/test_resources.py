"""Samples of the machine's resources, and the slope through them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from paddle_ann.engine.resources import ResourceLog, Sample, slope_per_hour
from tests.engine import toy

ROOT = Path(__file__).resolve().parents[2]


def test_slope_of_the_second_half():
    flat = [Sample(60.0 * i, i, 1000.0, 7, 3, 0) for i in range(10)]
    rising = [Sample(60.0 * i, i, 1000.0 + 3 * i, 7, 3, 0) for i in range(10, 20)]
    slope, error = slope_per_hour(flat + rising, "memory")
    assert slope == pytest.approx(180) and error == pytest.approx(0, abs=1e-6)
    assert slope_per_hour(flat, "files") == pytest.approx((0, 0), abs=1e-6)
    with pytest.raises(ValueError, match="at least 4"):
        slope_per_hour(flat[:3], "memory")


def test_it_samples_and_ends_the_training(tmp_path):
    log = ResourceLog(seconds=1e-6)
    found = toy.run(tmp_path / "voc", tmp_path / "out", callbacks=[log])
    assert found["result"].iteration == 1 and "training are over" in found["result"].stop_reason
    (sample,) = log.samples
    assert sample.memory > 50 and sample.files > 2 and sample.iteration == 1


@pytest.mark.slow
def test_soak_command(tmp_path):
    """A short one; `python tools/soak.py` takes an hour."""
    command = [sys.executable, str(ROOT / "tools/soak.py"), "--minutes", "1"]
    command += ["--output", str(tmp_path / "soak.csv")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert "Processes left: 0" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "soak.csv").read_text().startswith("seconds,iteration,memory")
