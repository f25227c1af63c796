"""Ctrl-C and SIGTERM: the training saves and ends; a second one ends it at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from paddle_ann.engine.listener import ENDING, ONE_S

STOPPED = 75  # EX_TEMPFAIL of sysexits.h: nothing is wrong, run it again


class Interrupted(SystemExit):
    """Ends the process with code 75 after a training was saved on a signal.

    Args:
        message: what happened and how to go on.
    """

    def __init__(self, message: str) -> None:
        super().__init__(STOPPED)
        self.message = message


class EvaluationStopped(Exception):
    """Leaves an evaluation on a signal; the evaluation is made up for when training is resumed."""


class StopSignals:
    """Within this context SIGINT and SIGTERM ask for a stop, once; outside the main thread nothing.

    Attributes:
        received: the name of the signal that came; None before.
        interruptible: while True, the signal raises EvaluationStopped in the main thread.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self.interruptible = False
        self._before: dict[int, Any] = {}
        self._pid = os.getpid()
        self._since = 0.0

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *error: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._before.clear()

    def _receive(self, number: int, frame: Any) -> None:
        if os.getpid() != self._pid:  # a reader process, which inherited this handler
            if number == signal.SIGTERM:
                os._exit(128 + number)
            return  # Ctrl-C goes to all processes of the terminal; the training stops its readers
        again = time.monotonic() - self._since
        if self.received == "SIGTERM" and number == signal.SIGTERM and again < ONE_S:
            return  # paddle.distributed.launch sends it three times, 0.2 s apart, and means one
        if self.received is not None:
            os._exit(128 + number)
        self._since = time.monotonic()
        self.received = signal.Signals(number).name
        note = f"\n{self.received}: saving after this iteration. Once more ends at once, unsaved.\n"
        os.write(2, note.encode())
        if self.interruptible:
            raise EvaluationStopped
