"""The log line of a training: averages since the last one, throughput and the time that is left."""

from __future__ import annotations

import math
import time
from typing import Any

from paddleseg.utils import TimeAverager, calculate_eta

from paddle_ann.checkpoint.fields import COUNT, NUMBER, NUMBERS, take
from paddle_ann.engine.callback import Run


class Progress:
    """Averages losses and times between two log lines, as PaddleSeg's `train` does.

    The losses are part of a checkpoint, so that the line after a resume has the number that an
    uninterrupted training would have.
    """

    def __init__(self) -> None:
        self.total, self.steps = 0.0, 0
        self.parts: list[float] = []
        self._reading, self._step = TimeAverager(), TimeAverager()
        self._start = time.monotonic()

    def start_clock(self) -> None:
        """Begin to count the time of an iteration, with the reading of its data."""
        self._start = time.monotonic()

    def data_is_here(self) -> None:
        """Count the time that reading took."""
        self._reading.record(time.monotonic() - self._start)

    def add(self, run: Run) -> None:
        """Count an update; in the time alone if it was left out, its loss not being finite."""
        if math.isfinite(run.loss):
            self.total += run.loss
            self.parts = [a + b for a, b in zip(self.parts or [0.0] * len(run.losses), run.losses)]
            self.steps += 1
        samples = run.batch_size * max(len(run.batches), 1)
        self._step.record(time.monotonic() - self._start, num_samples=samples)

    def record(self, run: Run) -> dict[str, float]:
        """Return the averages by VisualDL tag without 'Train/', and begin anew."""
        steps = self.steps or math.nan
        record = {"loss": self.total / steps}
        if len(self.parts) > 1:
            record.update({f"loss_{i}": part / steps for i, part in enumerate(self.parts)})
        record["lr"] = run.learning_rate
        record["batch_cost"] = self._step.get_average()
        record["reader_cost"] = self._reading.get_average()
        record["ips"] = self._step.get_ips_average()
        self.total, self.parts, self.steps = 0.0, [], 0
        self._reading.reset()
        self._step.reset()
        return record

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep."""
        return {"total": self.total, "parts": self.parts, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        vars(self).update(take(state, {"total": NUMBER, "parts": NUMBERS, "steps": COUNT}))


def log_line(run: Run, record: dict[str, float]) -> str:
    """Write PaddleSeg's log line, which users' scripts read."""
    eta = calculate_eta(run.iters - run.iteration, record["batch_cost"])
    return (
        f"[TRAIN] epoch: {run.epoch}, iter: {run.iteration}/{run.iters}, "
        f"loss: {record['loss']:.4f}, lr: {record['lr']:.6f}, "
        f"batch_cost: {record['batch_cost']:.4f}, reader_cost: {record['reader_cost']:.5f}, "
        f"ips: {record['ips']:.4f} samples/sec | ETA {eta}"
    )
