"""Cases run in a process beside pytest: where one crashes or hangs, that is a failed test."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.fuzz.outcome import COUNTS

_LONGEST_S = 300
_TAIL = 3000  # letters of the log that a crash is shown with


class Child:
    """A process that runs one case after another; a new one takes over where it ended."""

    def __init__(self, log: Path, first: Callable[[], None] | None = None) -> None:
        """`log` receives what a case prints, and where it crashed; `first` runs before all."""
        self._log, self._first = log, first
        self._process: Any = None
        self._connection: Any = None

    def call(self, function: Callable[..., None], *args: Any) -> None:
        """Run `function(*args)`, which pickle must know by name, and add its counts to ours.

        Raises:
            AssertionError: It raised, crashed or took more than `_LONGEST_S`.
        """
        if self._process is None:
            self._start()
        self._connection.send((function, args))
        try:
            if not self._connection.poll(_LONGEST_S):
                raise AssertionError(f"no end within {_LONGEST_S} s\n{self._end()}")
            problem, counts = self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            raise AssertionError(f"the process ended with {code}\n{self._end()}") from None
        COUNTS.update(counts)
        if problem:
            raise AssertionError(problem)

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._end()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take Paddle's locks along
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._log, self._first))
        self._process.start()
        theirs.close()

    def _end(self) -> str:
        self._process.kill()
        self._process.join()
        self._connection.close()
        self._process = None
        return self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]


def _serve(connection: Connection, log: Path, first: Callable[[], None] | None) -> None:
    with open(log, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    faulthandler.enable()
    if first is not None:
        first()
    while True:
        try:
            function, args = connection.recv()
        except EOFError:
            return
        COUNTS.clear()
        os.ftruncate(1, 0)
        problem = ""
        try:
            function(*args)
        except BaseException:
            problem = traceback.format_exc()
        connection.send((problem, COUNTS))
