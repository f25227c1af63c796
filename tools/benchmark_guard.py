"""Measures what the guard and the symptoms cost in a training step.

Updates of ANN-ResNet18_vd are made in turn with and without them, so that a change of the machine's
load meets both alike, and the medians are compared.
"""

from __future__ import annotations

import argparse
import sys
import time
from statistics import median
from typing import Any

from command_line import positive

IN_HOOKS: list[float] = []  # seconds


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    parser = argparse.ArgumentParser(description="Measure what the guard costs.")
    parser.add_argument("--updates", type=positive, default=60, help="of each kind (default: 60)")
    parser.add_argument("--size", type=positive, default=128, help="of images (default: 128)")
    parser.add_argument("--batch_size", type=positive, default=2, help="(default: 2)")
    parser.add_argument("--policy", choices=["stop", "skip", "rollback"], default="stop")
    return parser


def measure(args: argparse.Namespace) -> dict[str, float]:
    """Returns the median seconds of an update without and with the guard, and the guard's own."""
    import paddle
    from paddleseg.models.backbones import ResNet18_vd
    from paddleseg.models.losses import CrossEntropyLoss

    import paddle_ann
    from paddle_ann.engine.precision import Precision
    from paddle_ann.engine.step import Step

    paddle.seed(0)
    model = paddle_ann.models.ANN(num_classes=21, backbone=ResNet18_vd(output_stride=8))
    model.train()
    optimizer = paddle.optimizer.AdamW(1e-4, parameters=model.parameters())
    losses = {"types": [CrossEntropyLoss(), CrossEntropyLoss()], "coef": [1, 0.4]}
    step = Step(model, optimizer, losses, Precision())
    size = [args.size, args.size]
    images = paddle.randn([args.batch_size, 3, *size])
    batch = {"img": images, "label": paddle.randint(0, 21, [args.batch_size, *size], "int64")}
    run, callbacks = plug_in(args, model, optimizer, step, batch)
    plain: list[float] = []
    guarded: list[float] = []
    own: list[float] = []
    for number in range(2 * (args.updates + 3)):
        seconds, spent = update(run, step, callbacks if number % 2 else [])
        if number >= 6:  # warm
            (guarded if number % 2 else plain).append(seconds)
            own += [spent] * (number % 2)
    return {"without": median(plain), "with": median(guarded), "guard": median(own)}


def plug_in(args: argparse.Namespace, model: Any, optimizer: Any, step: Any, batch: Any) -> Any:
    """Returns a run and what watches it."""
    from pathlib import Path
    from types import SimpleNamespace

    from paddle_ann.engine import Run
    from paddle_ann.engine.gradient_norm import GradientNorm
    from paddle_ann.engine.guard import Guard
    from paddle_ann.engine.symptoms import Symptoms

    add = GradientNorm._add

    def timed(self: GradientNorm, gradient: Any) -> None:
        start = time.perf_counter()
        add(self, gradient)
        IN_HOOKS.append(time.perf_counter() - start)

    GradientNorm._add = timed  # type: ignore[method-assign]
    run = Run(model, optimizer, Path("nowhere"), 1000, 100, args.batch_size)
    run.batches, run.samples = [batch], [list(range(args.batch_size))]
    symptoms = Symptoms(None)
    symptoms.looks = 99  # the look at the first updates is over
    saving: Any = SimpleNamespace(step=step)
    return run, [Guard(args.policy, saving, None), symptoms]


def update(run: Any, step: Any, callbacks: list[Any]) -> tuple[float, float]:
    """Makes an update; returns its seconds and those spent in the callbacks and their hooks."""
    IN_HOOKS.clear()
    start = time.perf_counter()
    for callback in callbacks:
        callback.on_batches(run)
    before = time.perf_counter()
    run.losses = step.gradients(run.batches)
    run.loss, run.iteration = sum(run.losses), run.iteration + 1
    run.learning_rate = step.optimizer.get_lr()
    middle = time.perf_counter()
    if not all([callback.on_gradients(run) for callback in callbacks]):
        raise RuntimeError("The guard found something that is not finite.")
    after = time.perf_counter()
    step.update()
    step.finish(run.loss)
    end = time.perf_counter()
    return end - start, (before - start) + (after - middle) + sum(IN_HOOKS)


def main() -> int:
    """Measures and prints; the exit code is 1 if the guard takes 1 % or more."""
    args = parser().parse_args()
    found = measure(args)
    share = 100 * found["guard"] / found["without"]
    print(
        f"ANN-ResNet18_vd, {args.size}x{args.size}, batch {args.batch_size}, policy {args.policy}: "
        f"update {1000 * found['without']:.1f} ms without, {1000 * found['with']:.1f} ms with the "
        f"guard (medians of {args.updates}, in turn); in the guard {1000 * found['guard']:.2f} ms, "
        f"{share:.2f} %"
    )
    return 0 if share < 1 else 1


if __name__ == "__main__":
    sys.exit(main())
