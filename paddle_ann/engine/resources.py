"""What a training holds of the machine, over time: memory, files, threads, processes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import psutil

from paddle_ann.engine.callback import Callback, Run

MIB = 2**20
LONGEST = 10.0  # seconds; a longer gap between two updates is not counted (a machine that slept)


class Sample(NamedTuple):
    """The state of the process at one time.

    Attributes:
        seconds: of training so far.
        iteration: updates so far.
        memory: resident memory of the process in MiB.
        files: open file descriptors.
        threads: threads of the process.
        children: child processes, reader processes included.
    """

    seconds: float
    iteration: int
    memory: float
    files: int
    threads: int
    children: int


class ResourceLog(Callback):
    """Note the resources at each log line, and end the training after a time if wanted.

    Args:
        seconds: of training after which it ends; None for the run's own end.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.samples: list[Sample] = []
        self._limit, self._elapsed, self._before = seconds, 0.0, time.monotonic()
        self._process = psutil.Process()

    def on_step(self, run: Run) -> None:
        """Count the time."""
        now = time.monotonic()
        self._elapsed += min(now - self._before, LONGEST)
        self._before = now
        if self._limit is not None and self._elapsed >= self._limit:
            run.stop_reason = f"{self._elapsed:.0f} s of training are over."

    def on_log(self, run: Run, record: dict[str, Any]) -> None:
        """Note a sample."""
        self.samples.append(self.measure(run.iteration))

    def measure(self, iteration: int) -> Sample:
        """Return the state of the process now."""
        process = self._process
        return Sample(
            self._elapsed,
            iteration,
            process.memory_info().rss / MIB,
            process.num_fds(),
            process.num_threads(),
            len(process.children(recursive=True)),
        )


def slope_per_hour(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """Fit a line to the second half of the samples, in which caches and buffers are filled.

    Args:
        samples: at least four.
        name: which of their numbers.

    Returns:
        Its slope per hour of training and the standard error of that slope.

    Raises:
        ValueError: if there are fewer samples.
    """
    if len(samples) < 4:
        raise ValueError(f"A slope needs at least 4 samples; received {len(samples)}.")
    half = samples[len(samples) // 2 :]
    hours = np.array([sample.seconds for sample in half]) / 3600
    values = np.array([getattr(sample, name) for sample in half], dtype=float)
    centred = hours - hours.mean()
    slope = float((centred * values).sum() / (centred**2).sum())
    rest = values - values.mean() - slope * centred
    free = max(len(half) - 2, 1)
    return slope, float(np.sqrt((rest**2).sum() / free / (centred**2).sum()))
