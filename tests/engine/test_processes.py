"""Trainings of several processes, by Paddle's launcher: the same results as of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.engine.launcher import (
    JOB,
    ROOT,
    alone,
    assert_ended_alike,
    call,
    command,
    core_port,
    found,
    launch,
    worker,
)


def test_two_processes_end_with_the_same_weights(root, trained_by_two):
    first, second = found(trained_by_two)
    assert first == second
    assert worker(trained_by_two, 0).count("[TRAIN]") == 4
    assert not {"[TRAIN]", "[EVAL]"} & set(worker(trained_by_two, 1).split())
    assert len(list(trained_by_two.glob("vdlrecords.*"))) == 1
    assert sorted(path.name for path in trained_by_two.glob("iter_*")) == [
        "iter_3",
        "iter_6",
        "iter_8",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("images", "nproc"), [(7, 2), (7, 3), (1, 2)])
def test_the_counts_are_those_of_one_process(root, tmp_path, images, nproc):
    expected = alone(root, tmp_path / "one", images=images)["counts"]
    done = launch(root, tmp_path / "out", nproc=nproc, images=images)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["counts"] for one in found(tmp_path / "out")] == [expected] * nproc


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2)])
def test_resume_with_another_number_of_processes(root, tmp_path, before, after):
    out = tmp_path / "out"
    for nproc, more in ((before, {"iters": 3}), (after, {"iters": 8, "resume_model": "auto"})):
        done = (
            launch(root, out, **more)
            if nproc == 2
            else call([sys.executable, str(JOB), str(root), str(out), json.dumps(more)])
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert f"of {before} processes and this training has {after}" in done.stdout
    assert (out / "iter_8").exists()


@pytest.mark.slow
def test_two_nodes(root, trained_by_two, tmp_path):
    """Two launchers of one process each, as on two machines, do what one launcher of two does."""
    out, port = tmp_path / "out", core_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    nodes = []
    for rank in range(2):
        more = ("--nnodes", "2", "--master", f"127.0.0.1:{port}", "--rank", str(rank))
        words = command(
            tmp_path / f"node{rank}", JOB, root, out, '{"iters": 8}', nproc=1, more=more
        )
        pipe = subprocess.PIPE
        nodes.append(subprocess.Popen(words, env=environment, stdout=pipe, text=True))
    texts = [node.communicate(timeout=300)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], texts
    assert_ended_alike(trained_by_two, out)
