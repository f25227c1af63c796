"""The key store that Paddle keeps in process 0, safe from signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from paddle.base import core


class StoreGone(RuntimeError):
    """Process 0, which keeps the store, does not answer any more."""


class Store:
    """A connection to the store, for one thread.

    A signal would break off its system calls and leave the connection in disorder: this thread
    takes none during a call, which takes well under a millisecond.

    Args:
        connection: Paddle's.
        prefix: before each key.
    """

    def __init__(self, connection: Any, prefix: str) -> None:
        self._connection, self._prefix = connection, prefix

    def add(self, name: str, amount: int) -> int:
        """Add to a counter, which begins at 0, and return it."""
        return int(self._call(self._connection.add, name, amount))

    def set(self, name: str, value: bytes) -> None:
        """Write a value."""
        self._call(self._connection.set, name, value)

    def get(self, name: str) -> bytes:
        """Read a value; it must have been written."""
        return bytes(self._call(self._connection.get, name))

    def _call(self, function: Callable[..., Any], name: str, *args: Any) -> Any:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            return function(self._prefix + name, *args)
        except (RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()
            raise StoreGone(f"Process 0 does not answer: {reason[-1] if reason else ''}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def own(prefix: str) -> Store:
    """Return the main thread's connection."""
    return Store(core.create_or_get_global_tcp_store(), prefix)


def second(prefix: str) -> Store:
    """Return another connection to the same store, for another thread."""
    address = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT")
    endpoint = ":".join(map(str, address)) if all(address) else os.environ.get("PADDLE_MASTER")
    endpoint = endpoint or os.environ["PADDLE_TRAINER_ENDPOINTS"].split(",")[0]
    host, port = endpoint.split(":")
    return Store(core.TCPStore(host, int(port), False, 0, 900), prefix)
