"""tools/serve.py as a user starts and ends it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.deploy.toy import picture
from tests.tools.conftest import Refusal, start

pytest.importorskip("starlette", reason="the extra serve is not installed")

from tests.serve.conftest import answer_of, pixels, png_of, wait_for


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The process, its address, and what it had printed when that was printed."""
    folder = make_bundle(tmp_path / "bundle", DESCRIPTION)
    options = ("--model", str(folder), "--engine", "onnxruntime", "--port", "0")
    process = start("serve", *options, cwd=tmp_path)
    try:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if match := re.match(r"ready: (http://127\.0\.0\.1:\d+/)", line):
                yield process, match[1], printed
                break
        else:
            pytest.fail(printed)
    finally:
        process.kill()
        process.wait()


def test_from_start_to_ctrl_c(started: tuple[subprocess.Popen[str], str, str], tmp_path: Path):
    process, url, printed = started
    assert "bundle: 5 classes, onnxruntime, tried in" in printed
    content = png_of(picture(29, 41))
    answer = requests.post(f"{url}api/segment/ids", files={"image": content}, timeout=20)
    assert pixels(answer.content).shape == (29, 41)
    assert requests.post(f"{url}api/segment", data=b"x", timeout=20).status_code == 415
    before = sorted(tmp_path.rglob("*"))
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "41x29 pixels" in rest and "415: The image" in rest and "Traceback" not in rest
    assert rest.rstrip().endswith("serve.py: interrupted")
    assert sorted(tmp_path.rglob("*")) == before  # nothing is stored


@pytest.mark.slow
def test_ctrl_c_with_an_open_upload(started: tuple[subprocess.Popen[str], str, str]):
    process, url, _ = started
    port = int(url.rpartition(":")[2].rstrip("/"))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = b"POST /api/segment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n"
        connection.sendall(head)
        wait_for(lambda: requests.get(f"{url}health", timeout=20).json()["requests"])
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
        assert answer_of(connection)[0] == 503
    assert process.returncode == 130 and "Traceback" not in rest, rest


def test_mistakes(refused: Refusal, tmp_path: Path):
    folder = str(make_bundle(tmp_path / "bundle", DESCRIPTION))
    assert "timeout must be" in refused("serve", "--model", folder, "--timeout", "-1")
    assert "port must be" in refused("serve", "--model", folder, "--port", "70000")
