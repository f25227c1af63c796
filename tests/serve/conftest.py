"""A real server on a free port of this machine, with a bundle of one convolution."""

from __future__ import annotations

import io
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from paddle_ann.deploy import Predictor
from paddle_ann.serve import Limits, create_app
from paddle_ann.serve.running import bind, make_server
from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.deploy.toy import picture

SMALL = Limits(max_bytes=50_000, max_pixels=20_000, queue=3, timeout=20)


def png_of(rgb: np.ndarray, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, format, **options)
    return file.getvalue()


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


class Served:
    """The address of a running server, and what runs in it."""

    def __init__(self, predictor: Predictor, address: tuple[str, int]) -> None:
        self.predictor, self.address = predictor, address
        self.url = f"http://127.0.0.1:{address[1]}"

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=20)

    def talk(self, sent: bytes) -> tuple[int, bytes]:
        """Send bytes as they are; returns status and all that came."""
        with self.connect() as connection:
            connection.sendall(sent)
            return answer_of(connection)


def answer_of(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer with a content length."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return 0, got
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1]), body


@contextmanager
def serving(
    folder: Path, limits: Limits = SMALL, names: Any = None, **options: Any
) -> Iterator[Served]:
    predictor = Predictor(folder, engine="onnxruntime", **options)
    server = make_server(create_app(predictor, limits, names), limits)
    with bind("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        wait_for(lambda: server.started)
        try:
            yield Served(predictor, listener.getsockname())
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the server does not end"


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = make_bundle(tmp_path_factory.mktemp("serve") / "bundle", DESCRIPTION)
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    return picture(89, 113, seed=3)
