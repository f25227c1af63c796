"""Connections that get nowhere are dropped; those that get somewhere are not."""

from __future__ import annotations

import socket
import time

import pytest

from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.serve.conftest import SMALL, answer_of, serving

GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    folder = make_bundle(tmp_path_factory.mktemp("patience") / "bundle", DESCRIPTION)
    with serving(folder, SMALL._replace(timeout=0.4)) as found:
        yield found


def seconds_until_dropped(connection, drip=b""):
    start = time.monotonic()
    connection.settimeout(0.1)
    while time.monotonic() - start < 10:
        try:
            if drip:
                connection.sendall(drip)
            if not connection.recv(1 << 16):
                break
        except socket.timeout:
            continue
        except ConnectionError:
            break
    return time.monotonic() - start


@pytest.mark.parametrize("sent", [b"", b"POST /api/segment HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_a_header_that_does_not_come(hasty, sent):
    with hasty.connect() as connection:
        connection.sendall(sent)
        assert 0.3 < seconds_until_dropped(connection, b"a" if sent else b"") < 3


def test_a_second_header_that_does_not_come(hasty):
    with hasty.connect() as connection:
        connection.sendall(GET)
        assert answer_of(connection)[0] == 200
        connection.sendall(GET[:9])
        assert seconds_until_dropped(connection) < 3


def test_an_upload_that_goes_on_after_its_refusal(hasty):
    head = b"POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"
    with hasty.connect() as connection:
        connection.sendall(head)
        assert answer_of(connection)[0] == 404
        assert seconds_until_dropped(connection, b"x" * 100) < 3


def test_an_answer_that_is_not_taken(hasty):
    """The client asks again and again, and reads nothing."""
    with hasty.connect() as connection:
        connection.settimeout(0.3)
        start = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - start < 10:
                try:
                    connection.sendall(GET.replace(b"/health", b"/page/page.css") * 50)
                except socket.timeout:
                    continue


def test_one_that_asks_now_and_then_is_kept(hasty):
    with hasty.connect() as connection:
        for _ in range(12):
            connection.sendall(GET)
            assert answer_of(connection)[0] == 200
            time.sleep(0.15)
