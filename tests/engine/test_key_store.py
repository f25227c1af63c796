"""The key store, and what a signal or another process must not break."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from paddle.base import core

from paddle_ann.engine import store

ROOT = Path(__file__).resolve().parents[2]


def test_signals_do_not_break_the_store(server, request):
    """Without a mask Paddle's client fails with 'Interrupted system call' in one of few signals."""
    connection = core.TCPStore("127.0.0.1", server[1], False, 0, 20)
    kept = store.Store(connection, f"{request.node.name}/")
    kept.add("n", 0)
    assert store.hasten(server[1]) >= 2
    received = []
    before = signal.signal(signal.SIGALRM, lambda *_: received.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    try:
        values = [kept.add("n", 1) for _ in range(1000)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert values == list(range(1, 1001)) and len(received) > 20
    kept.set("bytes", b"\x00\xff{}")
    assert kept.get("bytes") == b"\x00\xff{}"


def test_a_call_is_fast(server, request):
    """44 ms without TCP_NODELAY, and there are several in each iteration."""
    kept = store.Store(core.TCPStore("127.0.0.1", server[1], False, 0, 20), request.node.name)
    kept.add("n", 1)
    store.hasten(server[1])
    start = time.monotonic()
    for _ in range(20):
        kept.add("n", 1)
    assert time.monotonic() - start < 0.4


def test_the_launchers_three_sigterms_are_one():
    code = (
        "import os, signal, time, sys\n"
        "from paddle_ann.engine.signals import StopSignals\n"
        "with StopSignals() as stop:\n"
        "    for _ in range(3): os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print(stop.received, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert (done.stdout, done.returncode) == (b"SIGTERM\n", 128 + signal.SIGINT)


def test_a_folder_that_another_process_makes_at_the_same_moment(tmp_path, monkeypatch):
    mkdir = sys.modules["paddleseg.core.predict"].mkdir
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(os.path, "exists", lambda path: False)  # PaddleSeg looked before it was
    mkdir(str(tmp_path / "out/a.png"))
