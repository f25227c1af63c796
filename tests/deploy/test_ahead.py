"""Another thread takes items: in order, not too many, and it ends with its caller."""

from __future__ import annotations

import threading
import time

import pytest

from paddle_ann.deploy.ahead import ahead


def test_items_come_in_order_from_another_thread():
    threads = []

    def items():
        for number in range(7):
            threads.append(threading.current_thread())
            yield number

    assert list(ahead(items())) == list(range(7))
    assert len(set(threads)) == 1 and threads[0] is not threading.current_thread()
    assert list(ahead([])) == [] and list(ahead([None, None])) == [None, None]


def test_no_more_are_taken_than_may_wait():
    taken = []
    stream = ahead((taken.append(n) or n for n in range(99)), depth=3)
    assert next(stream) == 0
    time.sleep(0.3)
    assert taken == [0, 1, 2, 3, 4]  # the one that was given, three, and one at hand
    stream.close()
    assert len(taken) == 5


def test_an_error_comes_in_its_place():
    def items():
        yield 1
        raise ValueError("broken")

    stream = ahead(items())
    assert next(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_nothing_is_left_running():
    before, closed = threading.active_count(), []

    def items():
        try:
            yield from range(99)
        finally:
            closed.append(threading.current_thread())

    stream = ahead(ahead(items()))
    next(stream)
    stream.close()
    assert threading.active_count() == before
    assert len(closed) == 1 and closed[0] is not threading.current_thread()
