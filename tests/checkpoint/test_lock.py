"""One run per folder; the lock dies with its process, and forked children do not keep it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from paddle_ann.checkpoint import RunLock


def free(folder):
    lock = RunLock(folder)
    try:
        lock.acquire()
    except RuntimeError:
        return False
    lock.release()
    return True


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the lock of tmp_path, with a forked child or without one."""
    started = []

    def start(forks):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            RunLock(tmp_path).acquire()
            if not forks or os.fork() == 0:
                os.write(writing, str(os.getpid()).encode())
            time.sleep(60)
            os._exit(0)
        child = int(os.read(reading, 20))
        started.extend({process, child})
        return process, child

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)


def kill(process):
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def test_a_second_run_is_refused_by_name(holder, tmp_path):
    process, _ = holder(forks=False)
    with pytest.raises(RuntimeError) as caught, RunLock(tmp_path):
        pass
    text = str(caught.value)
    assert f"process {process} on host {socket.gethostname()}" in text
    assert str(tmp_path) in text and "another save_dir" in text
    kill(process)
    assert free(tmp_path)  # nothing to clear after SIGKILL


def test_a_child_that_outlives_the_run_keeps_nobody_out(holder, tmp_path):
    process, child = holder(forks=True)
    assert not free(tmp_path)
    kill(process)
    os.kill(child, 0)  # it lives
    assert free(tmp_path)


def test_a_child_that_ends_does_not_release_it(tmp_path):
    with RunLock(tmp_path):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert not free(tmp_path)
    assert free(tmp_path)


def test_a_program_that_the_run_starts_does_not_keep_it(tmp_path):
    with RunLock(tmp_path):
        sleeper = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        assert free(tmp_path)
    finally:
        sleeper.kill()
        sleeper.wait()


def test_twice_in_one_process(tmp_path):
    with RunLock(tmp_path) as lock:
        lock.acquire()  # the same lock: nothing happens
        with pytest.raises(RuntimeError, match="this very process"):
            RunLock(tmp_path).acquire()
    with RunLock(tmp_path), RunLock(tmp_path / "other"):
        pass


def test_released_when_training_fails(tmp_path):
    with pytest.raises(KeyError), RunLock(tmp_path / "made" / "here"):
        raise KeyError
    assert free(tmp_path / "made" / "here")


@pytest.mark.parametrize("note", [b"", b"[1]", b"\xff", b"{" * 2000])
def test_a_note_that_cannot_be_read(tmp_path, note):
    with RunLock(tmp_path):
        (tmp_path / ".run.lock").write_bytes(note)
        with pytest.raises(RuntimeError, match="process unknown on host unknown"):
            RunLock(tmp_path).acquire()


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(RuntimeWarning, match=re.escape(str(tmp_path)) + ".*without locks"):
        with RunLock(tmp_path):
            pass


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "run").write_text("thesis")
    with pytest.raises(FileExistsError, match="run is a file"):
        RunLock(tmp_path / "run").acquire()
    assert (tmp_path / "run").read_text() == "thesis"


def test_only_one_of_many_gets_it(tmp_path):
    """Eight processes at once: exactly one holds it, and the others say so."""
    reading, writing = os.pipe()
    go_reading, go_writing = os.pipe()
    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            os.close(go_writing)
            with contextlib.suppress(RuntimeError):
                RunLock(tmp_path).acquire()
                os.write(writing, b"1")
                os.read(go_reading, 1)  # hold it until the parent closes its end
                os._exit(0)
            os.write(writing, b"0")
            os._exit(0)
        children.append(child)
    answers = b"".join(os.read(reading, 1) for _ in children)
    os.close(go_writing)
    for child in children:
        os.waitpid(child, 0)
    assert sorted(answers) == sorted(b"00000001")


def test_a_refusal_leaves_no_file_open(tmp_path):
    with RunLock(tmp_path):
        before = os.listdir("/proc/self/fd")
        for _ in range(3):
            assert not free(tmp_path)
        assert os.listdir("/proc/self/fd") == before
