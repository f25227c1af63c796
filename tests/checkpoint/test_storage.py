"""Full disks, limits and read-only folders: a clear error, and everything else as it was."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess

import numpy as np
import paddle
import pytest

from paddle_ann.checkpoint import CheckpointStore, CheckpointWriteError, RunLock, save_model
from tests.checkpoint.writer import Net


def net(width):
    return Net((1000, width))  # 4 kB for each unit of width


def writer(model):
    return lambda folder: save_model(folder, model)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def remount(folder, mode):
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


@contextlib.contextmanager
def file_size_limit(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_disk_full(small_disk):
    store = CheckpointStore(small_disk / "run")
    store.save(1, writer(net(100)))
    store.save_named("best_model", writer(net(100)))
    before = contents(small_disk)
    for save in (
        lambda: store.save(2, writer(net(400))),
        lambda: store.save(1, writer(net(400))),
        lambda: store.save_named("best_model", writer(net(400))),
    ):
        with pytest.raises(CheckpointWriteError) as caught:
            save()
        assert caught.value.errno == errno.ENOSPC
        text = str(caught.value)
        assert str(small_disk / "run") in text and "keep_checkpoint_max" in text
        assert "bytes were written, 40" in text and "are needed" in text and "are free" in text
        assert contents(small_disk) == before
        assert not list((small_disk / "run").glob(".tmp-*"))
    store.save(2, writer(net(100)))  # and it goes on when there is room
    assert store.newest_valid()[0].iteration == 2


def test_disk_full_in_the_last_bytes(small_disk):
    """Wherever the space ends, in the weights, the manifest or the folder itself."""
    store = CheckpointStore(small_disk / "run")
    store.save(1, writer(net(50)))
    ballast = small_disk / "ballast"
    outcomes = set()
    for free in range(0, 260, 20):
        statistics = os.statvfs(small_disk)
        room = statistics.f_bavail * statistics.f_frsize - free * 1024
        ballast.write_bytes(bytes(max(room, 0)))
        before = contents(small_disk / "run")
        try:
            store.save_named("best_model", writer(net(50)))
            outcomes.add("saved")
        except CheckpointWriteError:
            outcomes.add("refused")
            assert contents(small_disk / "run") == before
        ballast.unlink()
    assert outcomes == {"saved", "refused"}


@pytest.mark.parametrize("limit", [1500, 300_000])
def test_limit_on_file_sizes(tmp_path, limit):
    """COMPAT D1: paddle.save in place leaves 1500 bytes of the new file and loses the old one."""
    store = CheckpointStore(tmp_path)
    store.save(1, writer(net(100)))
    before = contents(tmp_path)
    with file_size_limit(limit), pytest.raises(CheckpointWriteError, match="iter_1") as caught:
        store.save(1, writer(net(100)))
    assert caught.value.errno == errno.EFBIG
    assert contents(tmp_path) == before and store.checkpoints()[0].problem() is None


def test_read_only(small_disk):
    store = CheckpointStore(small_disk / "run")
    store.save(1, writer(net(3)))
    before = contents(small_disk)
    (small_disk / "run" / ".tmp-new-iter_2").mkdir()
    remount(small_disk, "ro")
    try:
        for act in (
            lambda: store.save(2, writer(net(3))),
            lambda: store.save_named("best_model", writer(net(3))),
            lambda: store.recover(),
            lambda: RunLock(small_disk / "run").acquire(),
            lambda: CheckpointStore(small_disk / "other").save(1, writer(net(3))),
        ):
            with pytest.raises(CheckpointWriteError, match="must be writable") as caught:
                act()
            assert caught.value.errno == errno.EROFS and str(small_disk) in str(caught.value)
        assert store.newest_valid()[0].iteration == 1  # reading goes on
    finally:
        remount(small_disk, "rw")
    assert contents(small_disk) == before


def test_paddle_itself_loses_the_old_file(tmp_path):
    """What the temporary folder is for; should this fail, Paddle has mended it."""
    path = tmp_path / "model.pdparams"
    paddle.save({"x": paddle.ones([1000])}, str(path))
    with file_size_limit(1500), pytest.raises(OSError):
        paddle.save({"x": paddle.ones([1000])}, str(path))
    assert path.stat().st_size == 1500


def test_other_errors_of_the_system_are_not_reworded(tmp_path):
    def write(folder):
        np.load(folder / "nothing.npy")

    with pytest.raises(FileNotFoundError):
        CheckpointStore(tmp_path).save(1, write)
