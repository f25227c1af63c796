"""SIGKILL at random moments of saving: there is always a whole checkpoint, and a best model."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from paddle_ann.checkpoint import CheckpointStore, load_state_file
from paddle_ann.checkpoint.manifest import find_problem
from paddle_ann.weights import read_weights
from tests.checkpoint.writer import content, write_for_ever


def kill_a_writer(folder, first: int, delay: float) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.checkpoint.writer"])
    started = context.Event()
    process = context.Process(target=write_for_ever, args=(folder, first, started))
    process.start()
    assert started.wait(60)
    time.sleep(delay)
    process.kill()
    process.join()


def check_content(folder, iteration: int) -> None:
    weights = read_weights(folder / "model.pdparams")["fc.weight"]
    np.testing.assert_array_equal(weights, content(iteration))
    state = load_state_file(folder)
    assert state["iteration"] == iteration
    np.testing.assert_array_equal(state["seed"], content(iteration)[0])


def kill_again_and_again(folder, times: int) -> dict[str, int]:
    """Kill, recover, look, `times` times over; count what recovery met."""
    generator, newest, best_before = random.Random(7), 0, 0
    seen = {"new": 0, "old": 0, "drop": 0, "calm": 0}
    for _ in range(times):
        kill_a_writer(folder, newest + 1, generator.uniform(0.0, 0.15))
        left = [path.name for path in folder.iterdir() if path.name.startswith(".tmp-")]
        for role in ("new", "old", "drop"):
            seen[role] += any(name.startswith(f".tmp-{role}-") for name in left)
        seen["calm"] += not left
        store = CheckpointStore(folder, keep=3)
        store.recover()
        assert not [path for path in folder.iterdir() if path.name.startswith(".tmp-")]
        assert all(checkpoint.problem() is None for checkpoint in store.checkpoints())
        found, lines = store.newest_valid()
        assert lines == []
        if found is None:
            assert newest == 0 and not (folder / "best_model").exists()
            continue
        assert found.iteration >= newest
        newest = found.iteration
        check_content(found.path, newest)
        if newest > 1:  # best_model follows the first iteration
            best = folder / "best_model"
            assert find_problem(best) is None
            assert best_before <= load_state_file(best)["iteration"] <= newest
            best_before = load_state_file(best)["iteration"]
            check_content(best, best_before)
    return seen


def test_killed_while_saving(tmp_path):
    seen = kill_again_and_again(tmp_path, 30)
    print(seen)
    assert seen["new"] >= 5  # most of the kills come while files are written


@pytest.mark.slow
def test_killed_while_saving_200_times(tmp_path):
    seen = kill_again_and_again(tmp_path, 200)
    print(seen)
    assert seen["new"] >= 50


# -- the rare moments, one by one -----------------------------------------------------------------

CHANGES = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir"}


def save_as_text(store: CheckpointStore, iteration: int) -> None:
    def write(folder: Path) -> None:
        (folder / "model.pdparams").write_text(f"weights {iteration}")

    store.save(iteration, write)
    store.save_named("best_model", write, iteration)


def end_before_step(number: int) -> None:
    """Let this process die, without any cleaning up, before its nth change of a file or folder."""
    steps = itertools.count()

    def hook(event: str, arguments: object) -> None:
        if event in CHANGES and next(steps) == number:
            os._exit(9)

    sys.addaudithook(hook)


def test_ended_before_any_step(tmp_path):
    for step in range(1000):
        folder = tmp_path / str(step)
        store = CheckpointStore(folder, keep=1)
        save_as_text(store, 1)
        for name in ("iter_1", "best_model"):
            (folder / name / "notes.txt").write_text(f"the user's {name}")
        child = os.fork()
        if child == 0:
            end_before_step(step)
            save_as_text(store, 2)
            os._exit(0)
        ended = os.waitpid(child, 0)[1] == 0
        store.recover()
        assert not [path for path in folder.iterdir() if path.name.startswith(".tmp-")]
        found, lines = store.newest_valid()
        assert found is not None and all("iter_1" in line for line in lines)
        assert (found.path / "model.pdparams").read_text() == f"weights {found.iteration}"
        assert find_problem(folder / "best_model") is None
        assert (folder / "best_model/model.pdparams").read_text() in ("weights 1", "weights 2")
        for name in ("iter_1", "best_model"):
            assert (folder / name / "notes.txt").read_text() == f"the user's {name}"
        if ended:
            assert found.iteration == 2 and step > 30
            assert sorted(path.name for path in (folder / "iter_1").iterdir()) == ["notes.txt"]
            return
    pytest.fail("the save never came to its end")
