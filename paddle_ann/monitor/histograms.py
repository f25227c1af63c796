"""Histograms of weights and gradients, from an even sample of each tensor."""

from __future__ import annotations

import math

import numpy as np
import paddle

from paddle_ann.engine.callback import Callback, Run
from paddle_ann.monitor import records
from paddle_ann.monitor.vdl import VisualDLLog

MOST = 1 << 13  # numbers of one tensor that are looked at
BINS = 32


class Histograms(Callback):
    """Adds, every so many updates, the kernels' values, and their gradients before the update.

    Vectors (biases, batch norm) are left out: they are most of the tensors. With a loss scaler
    (fp16) the gradients are multiples that the scaler chooses, and are left out too.

    Args:
        log: where the histograms go.
        interval: updates from one to the next.
        gradients: whether the gradients are there, too.
    """

    def __init__(self, log: VisualDLLog, interval: int, gradients: bool) -> None:
        self.log, self.interval, self.gradients = log, interval, gradients
        self._number = 0  # of the update that is computed

    def on_batches(self, run: Run) -> None:
        """Note which update it is."""
        self._number = run.iteration + 1

    def on_gradients(self, run: Run) -> bool:
        """Add the gradients; not of an update that another callback has taken back."""
        if self.gradients and self._is_due(run) and run.iteration == self._number:
            self._add(run, "Gradients", {n: p.grad for n, p in _kernels(run.model).items()})
        return True

    def on_step(self, run: Run) -> None:
        """Add the weights."""
        if self._is_due(run):
            self._add(run, "Weights", dict(_kernels(run.model)))

    def _is_due(self, run: Run) -> bool:
        return run.is_main and run.iteration % self.interval == 0

    def _add(self, run: Run, group: str, tensors: dict[str, paddle.Tensor | None]) -> None:
        for name, tensor in tensors.items():
            if tensor is None:
                continue
            values = sample(tensor)
            if values.size:
                record = records.histogram(f"{group}/{name}", *spread(values), run.iteration)
                if not self.log.add_large(record):
                    return


def _kernels(model: paddle.nn.Layer) -> dict[str, paddle.Tensor]:
    return {n: p for n, p in model.named_parameters() if not p.stop_gradient and p.ndim > 1}


def sample(tensor: paddle.Tensor) -> np.ndarray:
    """Return up to `MOST` finite numbers of a tensor, evenly spaced, as float32 [n]."""
    with paddle.no_grad():
        flat = tensor.detach().flatten()
        values = flat[:: stride(flat.shape[0])].astype("float32").numpy()
    return values[np.isfinite(values)]


def stride(count: int) -> int:
    """Return a step that takes at most `MOST` of `count` numbers.

    It has no factor in common with the sides of kernels and the usual numbers of channels, so that
    every place of a kernel and every channel is met.
    """
    step = -(-count // MOST)
    while step > 1 and math.gcd(step, 2 * 3 * 5 * 7) > 1:
        step += 1
    return step


def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return counts [BINS] and edges [BINS + 1] of numbers; equal numbers get a bin of width 1."""
    return np.histogram(values.astype(np.float64), bins=BINS)
