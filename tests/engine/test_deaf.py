"""Signals while the main thread waits in native code, where Python's handlers do not run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEAF = """
import ctypes, os, signal, sys, time
from paddle_ann.engine import processes
from paddle_ann.engine.signals import StopSignals
libc = ctypes.CDLL(None)
with processes.connect(), processes.connect(), StopSignals():
    {before}
    print("deaf", flush=True)
    mutex = ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)  # never returns, whatever signal comes
"""
FORKED = """
    child = os.fork()
    if not child:
        time.sleep(60)
    time.sleep(0.5)  # it has begun
    for _ in range(2):
        os.kill(child, signal.SIGINT)
        time.sleep(2.5)
    os.kill(child, signal.SIGTERM)
    print(os.waitpid(child, 0)[1] != 0, flush=True)
"""


@pytest.fixture
def deaf(request):
    """A process whose main thread waits for ever."""
    code = DEAF.format(before=getattr(request, "param", "pass").strip())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    lines = iter(process.stdout.readline, "")
    assert any(line == "deaf\n" for line in lines)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_it(deaf, number):
    deaf.send_signal(number)
    time.sleep(0.5)
    deaf.send_signal(number)  # as the launcher repeats itself: it is the same one
    time.sleep(2)
    assert deaf.poll() is None
    deaf.send_signal(number)
    assert deaf.wait(timeout=10) == 128 + number


@pytest.mark.parametrize("deaf", [FORKED], indirect=True)
def test_signals_of_a_forked_process_are_its_own(deaf):
    deaf.send_signal(signal.SIGINT)
    time.sleep(3)
    assert deaf.poll() is None


def test_afterwards_nothing_is_left():
    code = (
        "import os, signal, threading\n"
        "from paddle_ann.engine import processes\n"
        "files, threads = len(os.listdir('/proc/self/fd')), threading.active_count()\n"
        "with processes.connect(), processes.connect(): pass\n"
        "print(signal.set_wakeup_fd(-1), len(os.listdir('/proc/self/fd')) - files,"
        " threading.active_count() - threads)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout == b"-1 0 0\n"
