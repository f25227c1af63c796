"""What a process is doing, for those who wait for it: a thread of its own, and the others."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

from paddleseg.utils import logger

PATIENCE_S = 60.0  # of waiting until the first line about it, and from each line to the next
PERIOD_S = 1.0


class Phase:
    """The nested things that a process does; only its main thread changes them."""

    def __init__(self) -> None:
        # Names, whether it waits, since when: one value, as another thread reads it.
        self._now: tuple[tuple[str, ...], bool, float] = (), False, 0.0

    def __str__(self) -> str:
        return ": ".join(self._now[0]) or "training"

    @contextlib.contextmanager
    def during(self, name: str, waits: bool = True) -> Iterator[None]:
        """Do something of this name; an error that leaves it carries the phase's full name.

        Args:
            name: as in 'has been ... for 60 s'.
            waits: whether it should not take long, so that a line about it is in place when it
                does.
        """
        names, waited, _ = self._now
        self._now = (*names, name), waits, time.monotonic()
        try:
            yield
        except BaseException as error:
            if not hasattr(error, "phase"):
                error.phase = str(self)  # type: ignore[attr-defined]
            raise
        finally:
            self._now = names, waited, time.monotonic()

    def waited(self) -> float:
        """Return for how many seconds this process has been waiting; 0 while it computes."""
        _, waits, since = self._now
        return time.monotonic() - since if waits else 0.0


class Patience(threading.Thread):
    """Says once a minute that this process waits, and for what; it ends nothing.

    A data set that hangs cannot be told from a file system that is slow, so the user decides.

    Args:
        who: 'Process 1 of 2'.
        phase: of this process.
        others: what is known of the other processes, as a sentence; '' if nothing is.
    """

    def __init__(self, who: str, phase: Phase, others: Callable[[], str]) -> None:
        super().__init__(name="paddle_ann-patience", daemon=True)
        self.who, self.phase, self.others = who, phase, others
        self._over = threading.Event()

    def run(self) -> None:
        """Look once a second until it is over."""
        told = 0
        while not self._over.wait(PERIOD_S):
            waited, phase = self.phase.waited(), str(self.phase)
            minutes = int(waited / PATIENCE_S)
            if minutes > told:
                logger.warning(self.text(phase, waited))
            told = minutes

    def text(self, phase: str, waited: float) -> str:
        """Write the line."""
        return " ".join(
            part
            for part in (
                f"{self.who} has been {phase} for {waited:.0f} s.",
                self.others(),
                "It goes on waiting, as a slow disk or network may need it. If nothing moves, "
                f"end it: Ctrl-C twice, two seconds apart, or kill -9 {os.getpid()}. "
                "Checkpoints are safe: a training goes on with resume_model='auto' (--resume "
                "auto).",
            )
            if part
        )

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self.join()
