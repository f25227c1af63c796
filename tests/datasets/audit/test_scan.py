"""Work in processes: in order, with little under way, and a dead process is an error."""

from __future__ import annotations

import io
import os

import pytest

from paddle_ann.datasets.audit import scan


def square(number: int) -> int:
    if number == -1:
        os._exit(9)
    return number * number


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_order_and_few_are_read_ahead(workers):
    read = 0

    def numbers():
        nonlocal read
        for number in range(1000):
            read += 1
            yield number

    for i, result in enumerate(scan.each(square, numbers(), workers)):
        assert result == i * i
        assert read <= i + 1 + (workers and (scan._AHEAD * workers + 1) * scan._CHUNK)
    assert read == 1000


def test_a_process_that_dies_is_an_error():
    with pytest.raises(RuntimeError, match="A process died while it read"):
        list(scan.each(square, iter([1, 2, -1, 3]), 2))


def test_progress_says_rate_and_time_left(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(scan.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    progress = scan.Progress("checking", 40, stream)
    for _ in range(20):
        progress.step()
    progress.end()
    assert stream.getvalue().splitlines()[0] == "checking 10/40, 60 images/min, 30 s left"


def test_values_after_the_table():
    table = tuple(255 if value == 11 else value for value in range(256))
    assert scan.final_values({0: 5, 11: 3, 255: 2, 300: 1}, table) == {0: 5, 255: 5, 300: 1}
