"""What the guard and the symptoms cost in a training step.

Updates of ANN-ResNet18_vd are made in turn without and with them. The difference of two such times
is smaller than a machine's moods, so what is spent inside is timed as well.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import paddle
from paddleseg.models.backbones import ResNet18_vd
from paddleseg.models.losses import CrossEntropyLoss

from paddle_ann.benchmark.timing import Spread, interleave, spread
from paddle_ann.engine import Run
from paddle_ann.engine.callback import Callbacks
from paddle_ann.engine.gradient_norm import GradientNorm
from paddle_ann.engine.guard import Guard
from paddle_ann.engine.precision import Precision
from paddle_ann.engine.step import Step
from paddle_ann.engine.symptoms import LOOKS, Symptoms
from paddle_ann.models import ANN

CLASSES = 21
PLAIN = "without"


class Cost(NamedTuple):
    """What one policy costs.

    Attributes:
        policy: 'stop', 'skip' or 'rollback'.
        plain: seconds of an update without the guard.
        guarded: seconds of one with it.
        inside: seconds of the latter that the guard and the symptoms take.
    """

    policy: str
    plain: Spread
    guarded: Spread
    inside: Spread

    @property
    def share(self) -> float:
        """Of an update without the guard, in [0, 1]."""
        return self.inside.median / self.plain.median

    def __str__(self) -> str:
        plain, guarded, inside = (1000 * one.median for one in self[1:])
        return (
            f"{self.policy}: update {plain:.1f} ms without, {guarded:.1f} ms with the guard; "
            f"in the guard {inside:.2f} ms, {100 * self.share:.2f} %"
        )


class TimedNorm(GradientNorm):
    """Knows how long its hooks took."""

    seconds = 0.0

    def _add(self, gradient: paddle.Tensor) -> None:
        start = time.perf_counter()
        super()._add(gradient)
        self.seconds += time.perf_counter() - start


class Guarded:
    """Updates of a run, watched as a training is.

    Args:
        policy: of the guard; None for no guard.
        step: computes gradients.
        run: the run.
    """

    def __init__(self, policy: str | None, step: Step, run: Run) -> None:
        self.step, self.run = step, run
        self.norm = TimedNorm([p for p in run.model.parameters() if not p.stop_gradient])
        self.inside: list[float] = []
        self.callbacks = Callbacks([])
        if policy is not None:
            saving: Any = SimpleNamespace(step=step)
            guard, symptoms = Guard(policy, saving, None), Symptoms(None)
            guard._norm, symptoms.looks = self.norm, LOOKS  # the first updates are over
            self.callbacks = Callbacks([guard, symptoms])

    @contextlib.contextmanager
    def plugged_in(self) -> Iterator[None]:
        """Set hooks before an update is timed, and leave none to the others."""
        self.callbacks.on_batches(self.run)
        self.norm.seconds = 0.0
        yield
        self.norm.close()

    def update(self) -> None:
        """Make one update, as the loop does."""
        run, step, clock = self.run, self.step, time.perf_counter
        times = [clock()]
        self.callbacks.on_batches(run)
        times.append(clock())
        run.losses = step.gradients(run.batches)
        run.loss, run.iteration = sum(run.losses), run.iteration + 1
        run.learning_rate = step.optimizer.get_lr()
        times.append(clock())
        if not self.callbacks.on_gradients(run):
            raise RuntimeError("The guard found something that is not finite in random images.")
        times.append(clock())
        step.update()
        step.finish(run.loss)
        self.inside.append(times[1] - times[0] + times[3] - times[2] + self.norm.seconds)


def measure(policies: Sequence[str], updates: int, size: int, batch_size: int) -> list[Cost]:
    """Make updates with each policy and without, in turn.

    Args:
        policies: of 'stop', 'skip' and 'rollback'.
        updates: of each, after three to warm up.
        size: height and width of the images.
        batch_size: images of an update.
    """
    step, run = make(size, batch_size)
    sides = {
        name: Guarded(None if name == PLAIN else name, step, run) for name in (PLAIN, *policies)
    }
    times = interleave(
        {name: side.update for name, side in sides.items()},
        rounds=updates,
        warm_up=3,
        around={name: side.plugged_in for name, side in sides.items()},
    )
    plain = spread(times[PLAIN])
    return [
        Cost(policy, plain, spread(times[policy]), spread(sides[policy].inside[-updates:]))
        for policy in policies
    ]


def make(size: int, batch_size: int) -> tuple[Step, Run]:
    """Return the step and the run of ANN-ResNet18_vd on one batch of random images."""
    paddle.seed(0)
    model = ANN(num_classes=CLASSES, backbone=ResNet18_vd(output_stride=8))
    model.train()
    optimizer = paddle.optimizer.AdamW(1e-4, parameters=model.parameters())
    losses = {"types": [CrossEntropyLoss(), CrossEntropyLoss()], "coef": [1, 0.4]}
    step = Step(model, optimizer, losses, Precision())
    run = Run(model, optimizer, Path("nowhere"), 1000, 100, batch_size)
    labels = paddle.randint(0, CLASSES, [batch_size, size, size], "int64")
    run.batches = [{"img": paddle.randn([batch_size, 3, size, size]), "label": labels}]
    run.samples = [list(range(batch_size))]
    return step, run
