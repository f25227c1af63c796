"""Hears the second Ctrl-C when the main thread cannot.

Python runs its signal handlers in the main thread, between two of its own instructions. A thread
that waits inside Paddle, for a reader that hangs, comes to none. But Python writes the number of
every signal into a file at once, whatever the main thread does, and another thread can read that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

ENDING = (signal.SIGINT, signal.SIGTERM)
ONE_S = 2.0  # signals so close together are one: the launcher repeats its own, a terminal tells all
HANDLER_S = 1.0  # for the main thread to end the process itself
_CLOSE = 0  # no signal has this number


class Listener:
    """Ends the process at the second SIGINT or SIGTERM, should the main thread not have done so.

    Made in another thread than the main one, it does nothing: signals are none of its business.
    """

    def __init__(self) -> None:
        self._hears = threading.current_thread() is threading.main_thread()
        if not self._hears:
            return
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._listen, name="paddle_ann-ear", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        if not self._hears:
            return
        signal.set_wakeup_fd(self._before)
        os.write(self._write, bytes([_CLOSE]))
        self._thread.join()
        os.close(self._read)
        os.close(self._write)

    def _listen(self) -> None:
        first = None
        while True:
            for number in os.read(self._read, 64):
                if number == _CLOSE:
                    return
                if number not in ENDING:
                    continue
                first = first or time.monotonic()
                if time.monotonic() - first > ONE_S:
                    time.sleep(HANDLER_S)
                    os._exit(128 + number)


def _deafen() -> None:
    """Keep signals of a forked process from being taken for its parent's."""
    with contextlib.suppress(ValueError):  # forked by another thread than the main one
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_deafen)
