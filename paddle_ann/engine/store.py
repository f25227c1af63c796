"""The key store that Paddle keeps in process 0, safe from signals."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
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


def connect(prefix: str) -> Store:
    """Return a new connection to the store, for one thread."""
    host, port = address()
    return Store(core.TCPStore(host, port, False, 0, 900), prefix)


def address() -> tuple[str, int]:
    """Return where process 0 keeps the store, as Paddle finds it out."""
    given = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT")
    endpoint = ":".join(map(str, given)) if all(given) else os.environ.get("PADDLE_MASTER")
    endpoint = endpoint or os.environ["PADDLE_TRAINER_ENDPOINTS"].split(",")[0]
    host, port = endpoint.split(":")
    return host, int(port)


def hasten(port: int) -> int:
    """Let this process's connections to the store, or from it, send at once.

    Paddle sends a request in pieces and leaves TCP_NODELAY off, so that each call takes 44 ms: the
    second piece waits for the receipt of the first, which the other side delays. Python cannot get
    at these sockets but by their numbers.

    Returns:
        How many there are.
    """
    count = 0
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        with contextlib.suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as copy:
                ends = copy.getsockname(), copy.getpeername()
                if any(isinstance(end, tuple) and end[1] == port for end in ends):
                    copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    count += 1
    return count
