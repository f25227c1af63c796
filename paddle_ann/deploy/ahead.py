"""Taking items in another thread, so that reading, the network and writing overlap."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], depth: int = 2) -> Generator[T, None, None]:
    """Yield the items in order, while another thread takes up to `depth` more.

    An error in `items` is raised where its item would have come. When the caller stops early, so
    does the thread, after the item that it is at; nothing is left running.

    Args:
        items: taken in one other thread, which also closes it if it is a generator.
        depth: items that may wait, at least 1.
    """
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    stop = threading.Event()
    thread = threading.Thread(target=_take, args=(items, waiting, stop), daemon=True)
    thread.start()
    try:
        while True:
            is_item, value = waiting.get()
            if not is_item:
                break
            yield value
        if value is not None:
            raise value
    finally:
        stop.set()
        with contextlib.suppress(queue.Empty):  # so that the thread can put what it holds
            while True:
                waiting.get_nowait()
        thread.join()


def _take(
    items: Iterable[T], waiting: queue.Queue[tuple[bool, Any]], stop: threading.Event
) -> None:
    end: BaseException | None = None
    iterator = iter(items)
    try:
        for item in iterator:
            _put(waiting, (True, item), stop)
            del item
            if stop.is_set():
                break
    except BaseException as error:
        end = error
    finally:
        with contextlib.suppress(AttributeError):
            iterator.close()  # type: ignore[attr-defined]
    _put(waiting, (False, end), stop)


def _put(waiting: queue.Queue[tuple[bool, Any]], value: Any, stop: threading.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            waiting.put(value, timeout=0.1)
            return
