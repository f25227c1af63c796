"""Many at once: one computes, some wait, the rest is told when to come again."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.deploy.toy import picture
from tests.serve.conftest import SMALL, png_of, wait_for

GOOD = png_of(picture(29, 41))
HEAD = f"POST /api/segment HTTP/1.1\r\nHost: x\r\nContent-Length: {len(GOOD)}\r\n\r\n".encode()


class Gate:
    """Holds every prediction until it is opened, and counts."""

    def __init__(self, predictor):
        self.open, self.started, self.now, self.most = threading.Event(), 0, 0, 0
        self._segment = predictor.segment

    def segment(self, prepared, keep=()):
        self.started += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            assert self.open.wait(20)
            return iter(list(self._segment(prepared, keep)))
        finally:
            self.now -= 1


@pytest.fixture
def gate(served, monkeypatch):
    gate = Gate(served.predictor)
    monkeypatch.setattr(served.predictor, "segment", gate.segment)
    yield gate
    gate.open.set()
    wait_for(lambda: places(served) == 0)


def places(served):
    return requests.get(f"{served.url}/health", timeout=20).json()["requests"]


def test_twenty_at_once(served, gate):
    """One computes and three wait; sixteen are refused while those have their places."""
    with ThreadPoolExecutor(20) as pool:
        url = f"{served.url}/api/segment"
        answers = [pool.submit(requests.post, url, data=GOOD, timeout=60) for _ in range(20)]
        wait_for(lambda: sum(one.done() for one in answers) == 16)
        refused = [one.result() for one in answers if one.done()]
        assert places(served) == 1 + SMALL.queue
        assert gate.started == 1
        gate.open.set()
        codes = Counter(one.result().status_code for one in answers)
    assert codes == {200: 4, 503: 16}
    assert gate.most == 1 and gate.started == 4
    for answer in refused:
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert "busy" in answer.json()["error"]
    assert requests.post(url, data=GOOD, timeout=20).status_code == 200


def test_clients_that_leave_free_their_places(served, gate):
    """One whose picture is computed, and two that wait: these are never computed."""
    connections = []
    for count in range(1, 4):
        connections.append(served.connect())
        connections[-1].sendall(HEAD + GOOD)
        wait_for(lambda count=count: places(served) == count)
    wait_for(lambda: gate.started == 1)
    for connection in connections:
        connection.close()
    wait_for(lambda: places(served) == 0)
    with ThreadPoolExecutor(1) as pool:
        last = pool.submit(requests.post, f"{served.url}/api/segment", data=GOOD, timeout=60)
        wait_for(lambda: places(served) == 1)
        assert gate.started == 1  # the network is still at the first
        gate.open.set()
        assert last.result().status_code == 200
    assert gate.started == 2


def test_a_client_that_leaves_during_its_upload_frees_its_place(served):
    with served.connect() as connection:
        connection.sendall(HEAD + GOOD[:100])
        wait_for(lambda: places(served) == 1)
    wait_for(lambda: places(served) == 0)


def test_uploads_have_places_too(served):
    """What they hold in memory is bounded; others can still ask for the page."""
    connections = [served.connect() for _ in range(1 + SMALL.queue)]
    for connection in connections:
        connection.sendall(HEAD + GOOD[:100])
    wait_for(lambda: places(served) == 4)
    answer = requests.post(f"{served.url}/api/segment", data=GOOD, timeout=20)
    assert answer.status_code == 503
    assert requests.get(served.url, timeout=20).status_code == 200
    for connection in connections:
        connection.close()
    wait_for(lambda: places(served) == 0)


def test_a_refusal_takes_no_place(served, gate):
    """What is refused by its headers is told at once, however long the queue is."""
    with ThreadPoolExecutor(4) as pool:
        url = f"{served.url}/api/segment"
        waiting = [pool.submit(requests.post, url, data=GOOD, timeout=60) for _ in range(4)]
        wait_for(lambda: places(served) == 4)
        assert requests.post(f"{url}?outputs=x", data=GOOD, timeout=20).status_code == 400
        assert requests.post(url, json={}, timeout=20).status_code == 415
        gate.open.set()
        assert [one.result().status_code for one in waiting] == [200] * 4
