"""Disks that are full or read-only, and folders that another training uses."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paddle_ann.checkpoint import CheckpointStore, CheckpointWriteError, RunLock
from paddle_ann.engine import Callback
from tests.engine import toy


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of 256 kB: room for two checkpoints of the toy model."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_second_training_in_the_folder_is_refused(tmp_path):
    toy.run(tmp_path / "voc", tmp_path / "out", iters=2)
    before = toy.arrays(tmp_path / "out/iter_2")
    with RunLock(tmp_path / "out"), pytest.raises(RuntimeError, match="in use by another run"):
        toy.run(tmp_path / "voc", tmp_path / "out", resume_model="auto")
    toy.assert_same(before, toy.arrays(tmp_path / "out/iter_2"))


def test_a_disk_that_fills_up(tmp_path, disk):
    """The training ends with an error; the last checkpoint is whole, and can be gone on from."""

    class Fill(Callback):
        def on_step(self, run):
            if run.iteration == 3:
                with open(disk / "fill", "wb", buffering=0) as file:
                    try:
                        while True:
                            file.write(b"x" * 4096)
                    except OSError:
                        pass

    with pytest.raises(CheckpointWriteError, match="No space left on device"):
        toy.run(tmp_path / "voc", disk, save_interval=2, callbacks=[Fill()])
    (checkpoint,) = CheckpointStore(disk).checkpoints()
    assert checkpoint.iteration == 2 and checkpoint.problem() is None
    (disk / "fill").unlink()
    found = toy.run(tmp_path / "voc", disk, resume_model="auto", keep_checkpoint_max=1)
    assert found["result"].iteration == 8


def test_a_folder_that_cannot_be_written(tmp_path, disk):
    toy.run(tmp_path / "voc", disk, iters=2)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(CheckpointWriteError, match="(?i)read-only"):
        toy.run(tmp_path / "voc", disk, resume_model="auto")
    (checkpoint,) = CheckpointStore(disk).checkpoints()
    assert checkpoint.iteration == 2 and checkpoint.problem() is None
