"""How throughput should grow with the number of GPUs: a model on paper, not a measurement.

In data parallel training every GPU computes its own batch, and then all of them average their
gradients. A ring of n GPUs averages G bytes in 2(n-1) rounds of G/n bytes each (Patarasuk and Yuan,
2009), so that each link carries 2(n-1)/n * G, and the slowest link sets the pace. Gradients of the
last layers are there first and travel while the others are computed: of the exchange, only what
lasts longer than the backward pass costs time, if all overlaps; all of it, if nothing does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BACKWARD = 2 / 3  # of a step: two products for each one of the forward pass


@dataclass(frozen=True)
class Links:
    """What gradients travel on.

    Attributes:
        gpus_per_node: GPUs of one machine.
        inside: between GPUs of a machine, in Gbit/s and direction.
        network: of a machine to the others, in Gbit/s and direction; all its GPUs share it.
        latency: of one round, in microseconds.
    """

    gpus_per_node: int = 8
    inside: float = 1600.0
    network: float = 100.0
    latency: float = 20.0

    def slowest(self, gpus: int) -> float:
        """Return the speed of the slowest link of a ring, in bytes per second.

        A ring enters and leaves each machine once, so its network carries what any link carries.
        """
        gbit = self.inside if gpus <= self.gpus_per_node else min(self.inside, self.network)
        return gbit * 1e9 / 8


@dataclass(frozen=True)
class Row:
    """A number of GPUs.

    Attributes:
        gpus: how many.
        exchange: of the gradients, in seconds.
        best: images per second if the exchange overlaps the backward pass.
        worst: images per second if it does not.
        efficiency: `best` of what the same number of single GPUs would do.
        worst_efficiency: the same of `worst`.
    """

    gpus: int
    exchange: float
    best: float
    worst: float
    efficiency: float
    worst_efficiency: float


def exchange_seconds(gradient_bytes: float, gpus: int, links: Links) -> float:
    """Return how long a ring of GPUs takes to average the gradients.

    Args:
        gradient_bytes: of one GPU.
        gpus: of the ring, at least 1.
        links: what they travel on.
    """
    carried = 2 * (gpus - 1) / gpus * gradient_bytes
    return carried / links.slowest(gpus) + 2 * (gpus - 1) * links.latency * 1e-6


def growth(
    step_seconds: float,
    batch_size: int,
    gradient_bytes: float,
    links: Links,
    numbers: Iterable[int] = (1, 2, 4, 8, 16, 32, 64),
) -> list[Row]:
    """Compute the throughput for some numbers of GPUs.

    Args:
        step_seconds: of one GPU alone, for `batch_size` images.
        batch_size: images of one GPU and step.
        gradient_bytes: of one GPU and step.
        links: what gradients travel on.
        numbers: of GPUs.

    Raises:
        ValueError: if a figure is not positive.
    """
    given = {"step_seconds": step_seconds, "batch_size": batch_size, **vars(links)}
    for name, value in {**given, "gradient_bytes": gradient_bytes}.items():
        if not value > 0:
            raise ValueError(f"{name} must be positive; received {value!r}.")
    rows = []
    for gpus in numbers:
        exchange = exchange_seconds(gradient_bytes, gpus, links)
        late = max(0.0, exchange - BACKWARD * step_seconds)
        images = gpus * batch_size
        best, worst = images / (step_seconds + late), images / (step_seconds + exchange)
        ideal = images / step_seconds
        rows.append(Row(gpus, exchange, best, worst, best / ideal, worst / ideal))
    return rows


def table(rows: Iterable[Row]) -> str:
    """Write the rows as a table in Markdown."""
    lines = [
        "| GPUs | exchange of gradients | images/s, overlapped | images/s, not overlapped |",
        "|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.gpus} | {1e3 * row.exchange:.1f} ms | {row.best:.1f} ({row.efficiency:.0%}) | "
        f"{row.worst:.1f} ({row.worst_efficiency:.0%}) |"
        for row in rows
    ]
    return "\n".join(lines)
