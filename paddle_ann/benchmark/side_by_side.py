"""Trains several configurations in one process on the same batches, step by step in turn.

What two implementations of one network must have in common, they show here: equal initial weights
and equal batches give losses that follow each other. What they must not, the seconds of a step,
are taken side by side, so that the machine's moods reach all alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import paddle
from paddle import nn
from paddleseg.cvlibs import SegBuilder
from paddleseg.utils import utils

from paddle_ann import session
from paddle_ann.benchmark.environment import quietly
from paddle_ann.benchmark.timing import ratios, spread
from paddle_ann.config import load
from paddle_ann.datasets import class_weights
from paddle_ann.engine.data import SeededSamples, TrainingBatches, make_loader, reading
from paddle_ann.engine.precision import Precision
from paddle_ann.engine.step import Step


@dataclass
class Side:
    """One configuration in training.

    Attributes:
        step: its model, losses and optimizer.
        weights: its initial weights by name.
        losses: the summed loss of every step.
        seconds: what every step took, reading left out.
    """

    step: Step
    weights: Mapping[str, np.ndarray]
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def run(self, batch: dict[str, Any]) -> None:
        """Makes one update."""
        begin = perf_counter()
        loss = sum(self.step.gradients([batch]))
        self.step.update()
        self.step.finish(loss)
        self.seconds.append(perf_counter() - begin)
        self.losses.append(loss)


def build(settings: Any, seed: int, dropout: bool) -> Side:
    """Makes the model of a configuration from a seed, with its optimizer and losses.

    Args:
        settings: as `paddle_ann.config.load` returns it.
        seed: of the initial weights.
        dropout: False switches every dropout off: two implementations draw other masks.
    """
    builder = SegBuilder(settings)
    with quietly():
        class_weights.fill_in(builder)
        session.count_iterations(builder)
        utils.set_seed(seed)
        model = builder.model
    model.train()
    if not dropout:
        for layer in model.sublayers():
            if isinstance(layer, (nn.Dropout, nn.Dropout2D)):
                layer.p = 0
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    return Side(Step(model, builder.optimizer, builder.loss, Precision()), weights)


def batches(settings: Any, steps: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yields the first training batches of a configuration, as `engine.train` would read them.

    Raises:
        ValueError: if the data set is smaller than a batch.
    """
    dataset = SegBuilder(settings).train_dataset
    numbers = TrainingBatches(dataset, settings.batch_size, 0, steps)
    if not numbers.per_epoch:
        raise ValueError(
            f"train_dataset has {len(dataset)} samples, fewer than one batch of "
            f"{settings.batch_size}. Lower batch_size."
        )
    with reading(make_loader(SeededSamples(dataset, seed), numbers, 0)) as reader:
        yield from reader


def race(
    paths: Sequence[str],
    steps: int,
    seed: int = 0,
    dropout: bool = False,
    opts: Sequence[str] | None = None,
    dtype: str = "float32",
) -> Iterator[dict[str, Side]]:
    """Trains the configurations in turn and yields their state, by name, after every step.

    Data and batch size are those of the first configuration. A name is the file's without its
    ending.

    Args:
        paths: YAML files, at least one, with different names.
        steps: how many.
        seed: of weights and augmentation.
        dropout: whether dropout stays on.
        opts: 'key=value' settings to replace in every configuration.
        dtype: 'float32', or 'float64', in which rounding is too small to grow in a few steps.

    Raises:
        ValueError: if two files have one name, or the data set is smaller than a batch.
    """
    names = [Path(path).stem for path in paths]
    if len(set(names)) < len(names):
        raise ValueError(f"Two configurations have the same name: {', '.join(names)}. Rename one.")
    settings = [load(path, opts=list(opts) if opts else None) for path in paths]
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        sides = {name: build(s, seed, dropout) for name, s in zip(names, settings)}
        for number, batch in enumerate(batches(settings[0], steps, seed)):
            batch = {**batch, "img": batch["img"].astype(dtype)}
            for name in names if number % 2 == 0 else reversed(names):
                sides[name].run(batch)
            yield sides
    finally:
        paddle.set_default_dtype(before)


def unequal_weights(reference: Side, other: Side) -> list[str]:
    """Returns the names of initial weights that only one of two has, or that differ."""
    a, b = reference.weights, other.weights
    return [n for n in {**a, **b} if n not in a or n not in b or not np.array_equal(a[n], b[n])]


def markdown(sides: Mapping[str, Side], warm_up: int = 3) -> str:
    """Writes the losses of every step and the ratios of the seconds as tables.

    Args:
        sides: at least one, all with the same number of steps; the first is the reference.
        warm_up: steps that the seconds leave out.
    """
    reference = next(iter(sides.values()))
    head = ["step", *(f"loss of {name}" for name in sides)]
    head += [f"relative difference of {name}" for name in list(sides)[1:]]
    lines = [f"| {' | '.join(head)} |", "|" + "---:|" * len(head)]
    for number, loss in enumerate(reference.losses):
        others = [side.losses[number] for side in sides.values()]
        cells = [f"{value:.6f}" for value in others]
        cells += [f"{abs(value - loss) / abs(loss):.1e}" for value in others[1:]]
        lines.append(f"| {number + 1} | {' | '.join(cells)} |")
    lines += ["", "| | s/step | reference ÷ this | unequal initial weights |"]
    lines.append("|---|---:|---:|---:|")
    for name, side in sides.items():
        of_side, of_reference = (s.seconds[warm_up:] or s.seconds for s in (side, reference))
        ratio = spread(ratios(of_reference, of_side))
        lines.append(
            f"| {name} | {spread(of_side).median:.2f} | {ratio.median:.2f} "
            f"({ratio.low:.2f}-{ratio.high:.2f}) | {len(unequal_weights(reference, side))} |"
        )
    return "\n".join(lines)
