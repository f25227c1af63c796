"""What strangers send: each bad upload gets a 4xx that says why, and the server lives on."""

from __future__ import annotations

import struct
import time
import zlib

import numpy as np
import pytest
import requests

from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.deploy.toy import picture
from tests.serve.conftest import SMALL, answer_of, pixels, png_of, serving

GOOD = png_of(picture(29, 41))


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def bomb(width, height):
    """A PNG of a few hundred bytes that claims to be huge, and is."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(min((width + 1) * height, 1 << 20)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def form(content, name='name="image"', filename='filename="a.png"'):
    head = f"--BOUND\r\nContent-Disposition: form-data; {name}; {filename}\r\n\r\n"
    return head.encode() + content + b"\r\n--BOUND--\r\n"


FORM = {"Content-Type": "multipart/form-data; boundary=BOUND"}
BAD = {
    "nothing": (b"", {}, 400, "empty"),
    "an empty file": (form(b""), FORM, 400, "empty"),
    "no boundary": (form(GOOD), {"Content-Type": "multipart/form-data"}, 400, "boundary"),
    "another field": (form(GOOD, 'name="file"'), FORM, 400, "no file in the field 'image'"),
    "a text field": (form(b"hello", filename="x=y"), FORM, 400, "no file in the field 'image'"),
    "two files": (form(GOOD)[:-11] + form(GOOD), FORM, 400, "Too many files"),
    "no form": (b"\x00\xff" * 50, FORM, 400, "form"),
    "an endless header": (form(GOOD, filename="x" * 9999), FORM, 400, "The form"),
    "a form cut off": (form(GOOD)[:200], FORM, 400, "no file"),
    "json": (b"{}", {"Content-Type": "application/json"}, 415, "application/json"),
    "curl -d": (GOOD, {"Content-Type": "application/x-www-form-urlencoded"}, 415, "image/"),
    "a text": (b"Lorem ipsum " * 20, {}, 415, "cannot be read as an image"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {}, 415, "cannot be read"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", {}, 415, "cannot be read"),
    "truncated": (GOOD[: len(GOOD) // 2], {}, 422, "damaged or truncated"),
    "spoiled": (GOOD[:60] + bytes(80) + GOOD[140:], {}, 422, "damaged"),
    "too many pixels": (png_of(np.zeros((101, 199, 3), np.uint8)), {}, 413, "20,000 pixels"),
    "a bomb": (bomb(30_000, 30_000), {}, 413, "pixels"),
    "a larger bomb": (bomb(2_000_000_000, 2_000_000_000), {}, 413, "pixels"),
    "floats": (png_of(np.zeros((5, 7), np.float32), "TIFF"), {}, 415, "8-bit"),
    "too many bytes": (bytes(SMALL.max_bytes + 1), {}, 413, "50,000 bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_is_told_why(served, name):
    content, headers, status, reason = BAD[name]
    url = f"{served.url}/api/segment"
    answer = requests.post(url, data=content, headers=headers, timeout=20)
    assert (answer.status_code, reason in answer.json()["error"]) == (status, True), answer.text
    assert "/tmp" not in answer.text and "PADDLE_ANN" not in answer.text
    assert requests.post(url, data=GOOD, timeout=20).status_code == 200


@pytest.mark.parametrize("outputs", ["ids,nonsense", "../../etc/passwd", "ids;overlay"])
def test_unknown_outputs(served, outputs):
    url = f"{served.url}/api/segment"
    answer = requests.post(url, params={"outputs": outputs}, data=GOOD, timeout=20)
    assert answer.status_code == 400 and "ids, overlay" in answer.json()["error"]


NAMES = ["../../etc/passwd", "/etc/passwd", "a\\..\\b.png", "x" * 900, "道路.png", ".", "", "CON"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_what_a_file_is_called_does_not_matter(served, name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    content = form(GOOD, filename=f'filename="{name}"'.encode().decode("latin-1"))
    answer = requests.post(f"{served.url}/api/segment", data=content, headers=FORM, timeout=20)
    assert answer.status_code == 200 and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "path",
    ["/page/../app.py", "/page/%2e%2e/app.py", "//etc/passwd", "/page/", "/page/..%2fapp.py"],
)
def test_paths_lead_nowhere(served, path):
    status, body = served.talk(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert status == 404 and b"import" not in body


def test_no_file_is_opened_for_a_large_form(tmp_path, monkeypatch):
    """Starlette would put more than 1 MB into a temporary file."""

    def refuse(*args, **kwargs):
        raise AssertionError("a file was opened")

    large = np.random.RandomState(0).randint(0, 256, (701, 997, 3)).astype(np.uint8)
    content = png_of(large)
    assert len(content) > 2 << 20
    with serving(make_bundle(tmp_path / "b", DESCRIPTION), SMALL._replace(
        max_bytes=4 << 20, max_pixels=1 << 20
    )) as served:  # fmt: skip
        monkeypatch.setattr("tempfile._TemporaryFileWrapper", refuse)
        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
        files = {"image": ("../a.png", content)}
        answer = requests.post(f"{served.url}/api/segment/image", files=files, timeout=20)
    assert answer.status_code == 200 and (pixels(answer.content) == large).all()


def test_bytes_are_counted_while_they_stream(served):
    """No length is announced; the answer comes long before the client would have ended."""
    head = b"POST /api/segment HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"1000\r\n" + bytes(4096) + b"\r\n"
    with served.connect() as connection:
        connection.sendall(head)
        for _ in range(13):  # 53248 bytes, 50000 may be
            assert requests.get(f"{served.url}/health", timeout=20).json()["requests"] == 1
            connection.sendall(piece)
        status, body = answer_of(connection)
    assert status == 413 and b"50,000 bytes" in body


def test_a_client_that_sends_all_before_it_reads_gets_the_413(served):
    """The connection is not reset while it still sends."""
    for headers in ({}, {"Transfer-Encoding": "chunked"}):
        body = iter([bytes(1 << 20)] * 12) if headers else bytes(12 << 20)
        answer = requests.post(f"{served.url}/api/segment", data=body, timeout=20)
        assert answer.status_code == 413


def test_curl_is_told_before_it_sends(served):
    """Expect: 100-continue, as curl has it."""
    head = b"POST /api/segment HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n"
    status, _ = served.talk(head + b"Expect: 100-continue\r\n\r\n")
    assert status == 413


def test_a_slow_upload_times_out(tmp_path):
    head = b"POST /api/segment HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"
    with serving(make_bundle(tmp_path / "b", DESCRIPTION), SMALL._replace(timeout=0.5)) as served:
        with served.connect() as connection:
            connection.sendall(head)
            start = time.monotonic()
            for _ in range(4):
                connection.sendall(b"x")
                time.sleep(0.1)
            status, body = answer_of(connection)
            assert status == 408 and b"0.5 seconds" in body
            assert 0.4 < time.monotonic() - start < 5
            assert connection.recv(100) == b""  # it is closed
        answer = requests.post(f"{served.url}/api/segment", data=GOOD, timeout=20)
        assert answer.status_code == 200


def test_a_long_thin_picture_that_would_grow_beyond_all_bounds(tmp_path):
    steps = [{"type": "ResizeByShort", "short_size": 512}, DESCRIPTION["preprocessing"][1]]
    folder = make_bundle(tmp_path / "b", {**DESCRIPTION, "preprocessing": steps})
    with serving(folder) as served:
        content = png_of(np.zeros((1, 9000, 3), np.uint8))  # 512x4608000 as the network sees it
        answer = requests.post(f"{served.url}/api/segment", data=content, timeout=20)
        assert answer.status_code == 413 and "4608000x512" in answer.json()["error"]
        small = requests.post(f"{served.url}/api/segment", data=GOOD, timeout=20)
        assert small.status_code == 200  # 724x512 is more than max_pixels, and usual


def test_a_picture_that_does_not_fit_the_padding(tmp_path):
    steps = [{"type": "Padding", "target_size": [37, 37]}, DESCRIPTION["preprocessing"][1]]
    folder = make_bundle(tmp_path / "b", {**DESCRIPTION, "preprocessing": steps})
    with serving(folder) as served:
        answer = requests.post(f"{served.url}/api/segment", data=GOOD, timeout=20)
        assert answer.status_code == 422 and "37x37" in answer.json()["error"]
