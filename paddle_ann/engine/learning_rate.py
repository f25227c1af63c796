"""The learning rate of a training: its schedule, and a factor on top that a rollback sets."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle.optimizer.lr import LRScheduler, ReduceOnPlateau


class LearningRate:
    """Moves an optimizer's learning rate on, times a factor.

    The factor is a power of two, so that multiplying and dividing by it is exact: the schedule
    computes its next rate from its own last one, as if there were no factor.

    Args:
        optimizer: with a schedule, or with a constant rate.
    """

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.factor = optimizer, 1.0
        rate = getattr(optimizer, "_learning_rate", None)
        self._constant = rate if isinstance(rate, (int, float)) else None

    def set_factor(self, factor: float) -> None:
        """Multiply the rate by another factor from here on.

        Args:
            factor: a power of two.
        """
        schedule = self.optimizer._learning_rate
        if isinstance(schedule, LRScheduler):
            schedule.last_lr *= factor / self.factor
        self.take_factor(factor)

    def take_factor(self, factor: float) -> None:
        """Take the factor of a checkpoint, whose schedule was saved with the factor in it."""
        self.factor = factor
        if self._constant is not None and self.optimizer.get_lr() != self._constant * factor:
            self.optimizer.set_lr(self._constant * factor)

    def step(self, loss: float) -> None:
        """Move the schedule on by one update.

        Args:
            loss: of this update, which `ReduceOnPlateau` follows; one that is not finite is
                passed over there.
        """
        schedule = self.optimizer._learning_rate
        if not isinstance(schedule, LRScheduler):
            return
        schedule.last_lr /= self.factor
        if not isinstance(schedule, ReduceOnPlateau):
            schedule.step()
        elif math.isfinite(loss):
            schedule.step(paddle.to_tensor(loss))
        schedule.last_lr *= self.factor
