"""Trainings of several processes that are stopped, or of which one dies."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest

from paddle_ann.engine import STOPPED
from tests.engine.launcher import (
    JOB,
    ROOT,
    assert_ended_alike,
    command,
    launch,
    worker,
)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_stops_all_and_resuming_is_exact(root, trained_by_two, tmp_path, rank):
    out = tmp_path / "out"
    stopped = launch(root, out, iters=8, fault=f"signal@{rank}")
    assert stopped.returncode == STOPPED, stopped.stdout
    assert [path.name for path in sorted(out.glob("iter_*"))] == ["iter_3", "iter_5"]
    resumed = launch(root, out, iters=8, seed=99, resume_model="auto")
    assert resumed.returncode == 0, resumed.stdout
    assert_ended_alike(trained_by_two, out)


@pytest.mark.slow
def test_a_signal_in_an_evaluation(root, trained_by_two, tmp_path):
    """It ends at once: the checkpoint is there, and the evaluation is made up for."""
    out = tmp_path / "out"
    stopped = launch(root, out, iters=8, fault="evaluation@1")
    assert stopped.returncode == STOPPED, stopped.stdout
    assert [path.name for path in out.glob("iter_*")] == ["iter_3"]
    assert not (out / "best_model").exists()
    resumed = launch(root, out, iters=8, seed=99, resume_model="auto")
    assert resumed.returncode == 0, resumed.stdout
    assert_ended_alike(trained_by_two, out)


@pytest.mark.slow
def test_a_signal_to_the_launcher(root, tmp_path):
    out = tmp_path / "out"
    words = command(out, JOB, root, out, json.dumps({"iters": 4000}))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not (out / "iter_6").exists() and time.monotonic() < end:
        time.sleep(0.1)
    process.terminate()
    process.wait(60)
    text = worker(out, 0)
    assert "Stopped by SIGTERM after iteration" in text, text[-2000:]
    at = int(text.split("Stopped by SIGTERM after iteration ")[1].split(",")[0])
    assert (out / f"iter_{at}/model.pdparams").exists()
    resumed = launch(root, out, iters=at + 1, resume_model="auto")
    assert resumed.returncode == 0, resumed.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise@1", "Process 1 of 2 failed while training: ValueError: a fault of mine"),
        ("raise@0", "Process 0 of 2 failed while training: ValueError: a fault of mine"),
        ("unreadable@1", "Process 1 of 2 failed while reading data: ValueError: an image of mine"),
        ("kill@1", "rank 1 status failed"),
        ("kill@0", "rank 0 status failed"),
        ("exit@1", "code 3"),
        ("hang@1", "Process 1 of 2 is gone"),
        ("hang@0", "Process 0 of 2 is gone"),
    ],
)
def test_a_process_that_dies_ends_the_job_with_a_reason(root, tmp_path, fault, reason):
    out = tmp_path / "out"
    done = launch(root, out, iters=8, fault=fault)
    lasted = time.time() - float((out / "fault_time").read_text())
    assert done.returncode not in (0, STOPPED)
    # The launcher shows the end of a process's log alone; the reason may begin before it.
    console = done.stdout + done.stderr + worker(out, int(fault[-1]))
    assert reason in console, console[-3000:]
    assert lasted < 60
    saved = [] if fault.startswith("unreadable") else ["iter_3"]
    assert [path.name for path in out.glob("iter_*")] == saved


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "line", "other"),
    [
        (0, "Process 0 of 2 has been reading data for", "Process 1 is waiting for the other pr"),
        (1, "Process 0 of 2 has been waiting for the", "Process 1 is reading data."),
    ],
)
def test_a_process_that_is_slow_is_told_of_and_waited_for(root, tmp_path, rank, line, other):
    done = launch(root, tmp_path / "out", iters=8, fault=f"stuck@{rank}")
    assert done.returncode == 0, done.stdout + done.stderr
    told = [text for text in worker(tmp_path / "out", 0).splitlines() if line in text]
    assert told and other in told[-1]
    assert (tmp_path / "out/iter_8").exists()
