"""Kills trainings at random moments and inside saves, resumes them, and compares how they end.

`OMP_NUM_THREADS=1 python -m tests.engine.kills FOLDER KILLS SEED` imports Paddle once and forks
every training from there; on one thread, for a fork loses all others. A training is resumed after
each kill until it is through; then its weights, optimizer and metric rows must be those of an
uninterrupted one, to the last bit, and the next one begins in an empty folder. Every second kill
is timed from the first byte of a save.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import paddle

import paddle_ann  # noqa: F401  before PaddleSeg

# isort: split
from paddle_ann.checkpoint import CheckpointStore
from tests.engine import toy
from tests.engine.test_resume import Rows, assert_ended_alike

SAVING = 0.02  # seconds that a save of the toy model takes, and some


def train(root: Path, out: Path, announce: Callable[[], None]) -> None:
    """Train to the end, or go on from what is there; `announce` is called as a save begins."""
    write = CheckpointStore._write

    def announced(self, *args):
        announce()
        return write(self, *args)

    CheckpointStore._write = announced
    with paddle.utils.unique_name.guard():
        toy.run(
            root,
            out,
            iters=11,
            save_interval=3,
            log_iters=2,
            callbacks=[Rows(out / "rows.csv")],
            resume_model="auto",
            val_dataset=toy.dataset(root, "val"),
            use_ema=True,
        )


def fork(root: Path, out: Path) -> tuple[int, int]:
    """Start a training in a child; return its process and a pipe that tells of its saves."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    code = 1
    try:
        quiet = os.open(out.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        train(root, out, lambda: os.write(writing, b"s"))
        code = 0
    finally:
        sys.stdout.flush()
        os._exit(code)


def attempt(root: Path, out: Path, moment: float, in_save: bool) -> tuple[int | None, bool]:
    """Let a training run until it ends or is killed.

    Args:
        root: the data.
        out: its save_dir.
        moment: seconds until the kill, from the start or from the beginning of the first save.
        in_save: which of the two.

    Returns:
        The exit code, None if it was killed, and whether that was during a save.
    """
    child, pipe = fork(root, out)
    if in_save:
        select.select([pipe], [], [], 60)
    time.sleep(moment)
    before = len(list(out.glob(".tmp-new-*")))
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(pipe)
    left = len(list(out.glob(".tmp-*")))
    killed = os.WIFSIGNALED(status)
    return (None if killed else os.WEXITSTATUS(status)), killed and bool(before or left)


def main(folder: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill that many trainings and return what happened."""
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise RuntimeError("Set OMP_NUM_THREADS=1: a fork loses the threads of Paddle's products.")
    generator = random.Random(seed)
    root, whole, out = folder / "voc", folder / "whole", folder / "out"
    toy.dataset(root)
    start = time.monotonic()
    child, pipe = fork(root, whole)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError(whole.with_suffix(".log").read_text()[-3000:])
    length = time.monotonic() - start
    done = {"kills": 0, "in_save": 0, "finished": 0}
    while done["kills"] < kills:
        in_save = done["kills"] % 2 == 1
        moment = generator.uniform(0, SAVING if in_save else length)
        code, saving = attempt(root, out, moment, in_save)
        if code is None:
            done["kills"] += 1
            done["in_save"] += saving
            continue
        if code != 0:
            raise RuntimeError(out.with_suffix(".log").read_text()[-3000:])
        assert_ended_alike(whole, out)
        done["finished"] += 1
        shutil.rmtree(out)
    while attempt(root, out, 3 * length, False)[0] != 0:
        pass
    assert_ended_alike(whole, out)
    done["finished"] += 1
    return done


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
