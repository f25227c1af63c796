"""Learning-rate schedules that do not fit the length of the training."""

from __future__ import annotations

from typing import Any

from paddle.optimizer.lr import CosineAnnealingDecay, LinearWarmup, PolynomialDecay


def schedule_faults(schedule: Any, iters: int) -> list[str]:
    """Say what a schedule does that is hardly meant; it is moved on once for every update.

    A decay that is longer than the training is none: a training may be cut short on purpose.

    Args:
        schedule: of `paddle.optimizer.lr`, or a constant.
        iters: updates of the whole training.

    Returns:
        A sentence or two for each fault.
    """
    if not isinstance(schedule, LinearWarmup):
        return _decay_faults(schedule, iters, 0)
    steps = schedule.warmup_steps
    if steps < iters:
        return _decay_faults(schedule.learning_rate, iters, steps)
    reached = schedule.start_lr + (schedule.end_lr - schedule.start_lr) * (iters - 1) / steps
    return [
        f"The warm-up of the learning rate takes {steps} iterations, and the training has {iters}: "
        f"the rate gets to {reached:g} of {schedule.end_lr:g} and never falls. Shorten the warm-up "
        "(warmup_iters)."
    ]


def _decay_faults(schedule: Any, iters: int, warmup: int) -> list[str]:
    if isinstance(schedule, PolynomialDecay) and not schedule.cycle:
        steps, then = schedule.decay_steps, f"stays at {schedule.end_lr:g}"
    elif isinstance(schedule, CosineAnnealingDecay):
        steps, then = schedule.T_max, "rises again"
    else:
        return []
    rest = iters - warmup - steps
    if rest <= 0:
        return []
    after = f" after {warmup} of warm-up" if warmup else ""
    return [
        f"{type(schedule).__name__} takes {steps} iterations{after}, and the training has {iters}: "
        f"for the last {rest} the learning rate {then}. Make it as long as the training "
        "(decay_steps, T_max), counted in updates."
    ]
