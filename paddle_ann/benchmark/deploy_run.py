"""The tasks of the benchmark of the deployment, and their rounds.

In a round every side does the task once, each in a process of its own, one after another, in an
order that turns round from one round to the next.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from paddle_ann.benchmark import environment
from paddle_ann.benchmark.deploy_material import Material
from paddle_ann.benchmark.deploy_samples import Sample, Store
from paddle_ann.benchmark.deploy_sides import BF16, EXPORT, PADDLESEG, PRECISIONS, TUNED, masks
from paddle_ann.benchmark.deploy_worker import Worker

CALL, GRAPH, BATCHES, AGREEMENT = "call", "graph", (1, 4), "agreement"

Start = Callable[[str], Any]  # name of a side -> what can be asked


class Task(NamedTuple):
    """What some sides do in turn: a method of theirs, its arguments, and how often."""

    name: str
    sides: Sequence[str]
    method: str
    arguments: Sequence[Any]
    rounds: int


def make_tasks(
    engines: Sequence[str],
    rounds: Mapping[str, int],
    precisions: Sequence[str] = (),
    references: Sequence[str] = (PADDLESEG, TUNED),
) -> list[Task]:
    """List the tasks.

    Args:
        engines: of ours.
        rounds: how often, by "call", "graph" and "latency".
        precisions: names of `PRECISIONS` that are measured too.
        references: in which forms PaddleSeg's predict is called.
    """
    exports = [name for engine in engines for name in (EXPORT + engine, engine)]
    exports += [name for name in precisions if PRECISIONS[name] in engines]
    fewer = [name for name in exports if name == BF16]
    return [
        Task(GRAPH, exports, "graph", (), rounds["graph"]),
        *(Task(f"batch {n}", engines, "latency", (n,), rounds["latency"]) for n in BATCHES),
        Task(CALL, [*references, *engines, *fewer], "call", (), rounds["call"]),
    ]


def run(tasks: Sequence[Task], store: Store, start: Start, seconds: float = float("inf")) -> bool:
    """Measure what is missing in the store, and tell on the error stream how far it is.

    Args:
        tasks: what to do.
        store: receives each round as it is finished.
        start: starts a side.
        seconds: after this long no further round begins.

    Returns:
        Whether all is done.
    """
    begin = time.monotonic()
    for task in tasks:
        if store.rounds(task.name) >= task.rounds:
            continue
        if time.monotonic() - begin >= seconds:
            return False
        with ExitStack() as stack:
            workers = {side: stack.enter_context(closing(start(side))) for side in task.sides}
            for number in range(store.rounds(task.name), task.rounds):
                if time.monotonic() - begin >= seconds:
                    return False
                store.add(_round(task, number, workers), environment.end())
                passed = time.monotonic() - begin
                print(
                    f"{task.name}: round {number + 1} of {task.rounds}, {passed:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
    return True


def _round(task: Task, number: int, workers: Mapping[str, Worker]) -> list[Sample]:
    samples = []
    for side in task.sides if number % 2 == 0 else reversed(task.sides):
        for image, what, value in workers[side].ask(task.method, *task.arguments):
            samples.append(Sample(task.name, side, number, image, what, value))
    return samples


def compare_masks(store: Store, material: Material) -> None:
    """Add which share of each mask is the same as PaddleSeg's, the first of its forms."""
    store.drop(AGREEMENT)
    names = [name for name in (PADDLESEG, TUNED) if name in store.sides(CALL)]
    samples = [
        Sample(AGREEMENT, side, 0, number, "equal", equal_share(reference, mask))
        for side in store.sides(CALL)
        for number, (reference, mask) in enumerate(
            zip(masks(names[0], material), masks(side, material))
        )
    ]
    store.add(samples, {})


def equal_share(reference: Any, mask: Any) -> float:
    """Return which share of two masks, files of class numbers, is the same, from 0 to 1.

    Raises:
        ValueError: if they are of two sizes.
    """
    with Image.open(reference) as one, Image.open(mask) as other:
        first, second = np.asarray(one), np.asarray(other)
    if first.shape != second.shape:
        raise ValueError(f"{mask} is {second.shape}, and {reference} {first.shape}")
    return float((first == second).mean())
