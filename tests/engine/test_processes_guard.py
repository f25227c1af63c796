"""A nan in the batch of one of two processes: both act alike, and the guilty batch is told."""

from __future__ import annotations

import json

import pytest

from paddle_ann.checkpoint import CheckpointStore
from paddle_ann.engine import STOPPED
from tests.engine import toy
from tests.engine.launcher import found, launch, worker

pytestmark = pytest.mark.slow


def check_boxes(root, out, guilty: int) -> None:
    """Demand a black box of each process, with the nan and its layer where it was."""
    names = ["iter_5.json", "iter_5_rank_1.json"]
    assert sorted(path.name for path in (out / "black_box").glob("*.json")) == names
    files = [paths[0] for paths in toy.dataset(root).file_list]
    for rank, name in enumerate(names):
        box = json.loads((out / "black_box" / name).read_text())
        assert box["iteration"] == 5
        (batch,) = box["batches"]
        assert batch["arrays"]["img"]["non_finite"] == int(rank == guilty)
        layer = box["first_non_finite_layer"]
        assert (layer["layer"] if layer else None) == ("stem.0" if rank == guilty else None)
        images = [sample["files"][0] for sample in batch["samples"]]
        assert len(images) == 2 and set(images) <= set(files)
        start = f"[process {rank}]"  # in what process 0 says, which the console shows
        (said, *_) = [text for text in worker(out, 0).splitlines() if start in text]
        own = said.split(start)[1].split("[process")[0]
        assert all(image in own for image in images) and str(out / "black_box" / name) in own
        expected = "First layer with such an output: stem.0" if rank == guilty else "is finite in"
        assert expected in own


@pytest.mark.parametrize("guilty", [0, 1])
def test_stop(root, tmp_path, guilty):
    out = tmp_path / "out"
    done = launch(root, out, iters=8, fault=f"nan@{guilty}", non_finite="stop")
    assert done.returncode not in (0, STOPPED)
    check_boxes(root, out, guilty)
    for rank in range(2):
        assert "NonFiniteError: Iteration 5" in worker(out, rank)
    (kept,) = CheckpointStore(out).checkpoints()
    assert kept.iteration == 3 and kept.problem() is None


@pytest.mark.parametrize("guilty", [0, 1])
def test_skip(root, tmp_path, guilty):
    out = tmp_path / "out"
    done = launch(root, out, iters=8, fault=f"nan@{guilty}", non_finite="skip")
    assert done.returncode == 0, done.stdout + done.stderr
    check_boxes(root, out, guilty)
    assert "The update is left out: 1 in a row, 1 in all." in worker(out, 0)
    first, second = found(out)
    assert first == second
    assert (out / "iter_8").exists()


@pytest.mark.parametrize("guilty", [0, 1])
def test_rollback(root, tmp_path, guilty):
    out = tmp_path / "out"
    done = launch(root, out, iters=8, fault=f"nan@{guilty}", non_finite="rollback")
    assert done.returncode == 0, done.stdout + done.stderr
    check_boxes(root, out, guilty)
    assert f"Back to {out / 'iter_3'}" in worker(out, 0)
    first, second = found(out)
    assert first == second
    state = json.loads((out / "iter_8/training_state.json").read_text())["state"]
    guard = state["parts"]["callbacks"]["Guard.0"]
    assert (guard["rollbacks"], guard["reports"], guard["factor"]) == (1, 1, 0.5)
