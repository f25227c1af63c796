"""A thread that notices when another process fails, falls silent, or is asked to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

from paddle_ann.engine import store
from paddle_ann.engine.phase import Phase
from paddle_ann.engine.signals import STOPPED, StopSignals

PERIOD_S = 1.0
SILENCE_S = 30.0  # without a heartbeat a process is given up
GRACE_S = 10.0  # for the main thread to end by itself after a failure
ANSWER_S = 3.0  # to wait for a call of the store that is under way
LOOK_S = 4.0  # to find out whose heart has stopped after a broken connection


class Watch(threading.Thread):
    """Beats for this process and listens to the others, about once a second.

    Process 0 listens to all, the others to process 0, which tells them. When the main thread does
    not end within `GRACE_S` of a failure, because it waits in a collective, this thread ends the
    process.

    Args:
        prefix: of the keys of this job.
        world: processes.
        rank: this one's number.
        phase: what this process is doing; the others are told.

    Attributes:
        failure: what is wrong with another process; None while nothing is.
        signals: the signals of this process, if they are to be passed on.
    """

    def __init__(self, prefix: str, world: int, rank: int, phase: Phase) -> None:
        super().__init__(name="paddle_ann-watch", daemon=True)
        self.world, self.rank, self.phase = world, rank, phase
        self.failure: str | None = None
        self.signals: StopSignals | None = None
        self._store = store.connect(prefix)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._told = False
        self._answered = now = time.monotonic()
        self._heard = {other: (0, now) for other in self._others()}
        self._doing: dict[int, str] = {}

    def run(self) -> None:
        """See that the job is alive until it is over."""
        threading.Thread(target=self._talk, name="paddle_ann-beat", daemon=True).start()
        failed_at = None
        while not self._over.wait(PERIOD_S):
            if self.failure is None and time.monotonic() - self._answered > SILENCE_S:
                self.failure = self._gone(0)  # the store lets its callers wait for ever
            if self.failure is not None:
                failed_at = failed_at or time.monotonic()
                if time.monotonic() - failed_at > GRACE_S:
                    self._end()

    def close(self) -> None:
        """End the threads; they need the store no more."""
        self._over.set()
        with self._store_in_turn():
            pass

    def report(self, text: str) -> None:
        """Tell the others that this process fails."""
        with self._store_in_turn() as free:
            if free:
                self._publish(text)

    def find_failure(self) -> str | None:
        """Find out whose failure broke a connection; None if all processes live and none told."""
        end = time.monotonic() + LOOK_S + (1 + 2 * PERIOD_S if self.rank else 0)
        before = {other: self._heard[other] for other in self._others()}
        while time.monotonic() < end and self.failure is None:
            time.sleep(0.2)
        silent = [other for other in before if self._heard[other] == before[other]]
        if self.failure is None and silent:
            self.failure = self._gone(silent[0])
            with self._store_in_turn() as free:
                if free:
                    self._publish(self.failure)
        return self.failure

    @contextlib.contextmanager
    def _store_in_turn(self) -> Iterator[bool]:
        """Have the store alone; tell whether it is free, or a call has not come back."""
        free = self._lock.acquire(timeout=ANSWER_S)
        try:
            yield free
        finally:
            if free:
                self._lock.release()

    def _talk(self) -> None:
        """Beat and listen."""
        while self.failure is None and not self._over.wait(PERIOD_S):
            with self._lock:
                if not self._over.is_set():
                    self._look()
                    self._answered = time.monotonic()

    def _look(self) -> None:
        try:
            self._store.set(f"phase{self.rank}", str(self.phase).encode())
            self._store.add(f"beat{self.rank}", 1)
            if self._store.add("failed", 0):
                self.failure = self._store.get("failure").decode(errors="replace")
                return
            self._pass_signals_on()
            self._listen()
        except store.StoreGone:
            self.failure = self._gone(0)

    def describe_others(self) -> str:
        """Say what the processes are doing that this one listens to."""
        doing = [f"Process {rank} is {what}." for rank, what in sorted(dict(self._doing).items())]
        return " ".join(doing)

    def _others(self) -> list[int]:
        """Return whom this process listens to."""
        return [0] if self.rank else list(range(1, self.world))

    def _listen(self) -> None:
        now = time.monotonic()
        for other in self._others():
            beats = self._store.add(f"beat{other}", 0)
            if beats != self._heard[other][0]:
                self._heard[other] = beats, now
                self._doing[other] = self._store.get(f"phase{other}").decode(errors="replace")
            elif now - self._heard[other][1] > SILENCE_S:
                self.failure = self._gone(other)
                self._publish(self.failure)

    def _pass_signals_on(self) -> None:
        signals = self.signals
        if signals is None or self._told:
            return
        if signals.received is not None:
            self._told = True
            self._store.add("signal", 1)
        elif self._store.add("signal", 0):
            self._told = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _publish(self, text: str) -> None:
        with contextlib.suppress(store.StoreGone):
            self._store.set("failure", text.encode())
            self._store.add("failed", 1)

    def _gone(self, rank: int) -> str:
        return (
            f"Process {rank} of {self.world} is gone: nothing is heard of it any more; last it was "
            f"{self._doing.get(rank, 'starting')}. It was killed (for lack of memory?), ended "
            "itself, hangs, or its machine cannot be reached. "
            f"On one machine its log is workerlog.{rank} in the launcher's --log_dir"
        )

    def _end(self) -> None:
        stopping = self.signals is not None and self.signals.received is not None
        sys.stderr.write(f"\n{self.failure}. Process {self.rank} ends too.\n")
        sys.stderr.flush()
        os._exit(STOPPED if stopping else 1)
