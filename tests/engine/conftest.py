"""What several files of these tests need: data, a store, and groups of threads."""

from __future__ import annotations

import threading
from pathlib import Path

import paddle
import pytest
from paddle.base import core

from paddle_ann.engine import processes, store, watch
from paddle_ann.engine.processes import Group
from tests.engine import toy
from tests.engine.launcher import core_port, launch


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "voc"
    toy.dataset(root)
    return root


@pytest.fixture(scope="module")
def trained_by_two(root, tmp_path_factory) -> Path:
    """An uninterrupted training of two processes."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = launch(root, out, iters=8)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def server():
    """A store as process 0 has it."""
    port = core_port()
    return core.TCPStore("127.0.0.1", port, True, 0, 20), port


@pytest.fixture
def together(server, monkeypatch, request):
    """Run a function in a group of n threads that take themselves for processes."""

    def connect(prefix):
        connection = core.TCPStore("127.0.0.1", server[1], False, 0, 20)
        return store.Store(connection, f"{request.node.name}/{prefix}")

    monkeypatch.setattr(store, "connect", connect)
    monkeypatch.setattr(store, "address", lambda: ("127.0.0.1", server[1]))
    monkeypatch.setattr(watch, "PERIOD_S", 0.02)
    monkeypatch.setattr(watch, "SILENCE_S", 0.8)
    monkeypatch.setattr(watch, "GRACE_S", 60.0)
    monkeypatch.setattr(processes, "LINGER_S", 0.2)
    monkeypatch.setattr(processes, "GOODBYE_S", 0.5)
    monkeypatch.setattr(paddle.distributed, "init_parallel_env", lambda: None)

    def run(function, world=3):
        results: list = [None] * world

        def one(rank):
            try:
                with Group(world, rank) as group:
                    results[rank] = function(group)
            except Exception as error:
                results[rank] = error

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(world)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        return results

    return run
