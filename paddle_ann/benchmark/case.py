"""The words of the benchmark: settings, a side's workload, a case, a goal, a measured row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

TIME, MEMORY, SHARE = "time", "memory", "share of GEMM"
AUXILIARY = 0.4  # the weight of the auxiliary loss in PaddleSeg's configurations


@dataclass(frozen=True)
class Settings:
    """How to measure; everything a child process must know too.

    Attributes:
        device: 'cpu' or 'gpu'.
        threads: threads of each side.
        graphs: 'paddle', or 'torch' to compare transcriptions of the two graphs.
        quick: tiny sizes, for a test of the machinery; its figures mean nothing.
        train_batch: images of a training step.
        eval_batch: images of an evaluation.
    """

    device: str = "cpu"
    threads: int = 1
    graphs: str = "paddle"
    quick: bool = False
    train_batch: int = 2
    eval_batch: int = 1


@dataclass(frozen=True)
class Workload:
    """One side of a case, built and ready.

    Attributes:
        run: the job, once.
        output: computes what the sides must agree on, an array; None if there is nothing.
        macs: multiply-adds of one run, by formula; 0 if not counted.
        trains: whether a run is a training step.
        around: entered around the runs of a side, outside the timing.
    """

    run: Callable[[], Any]
    output: Callable[[], Any] | None = None
    macs: int = 0
    trains: bool = False
    around: Callable[[], AbstractContextManager[Any]] = nullcontext


@dataclass(frozen=True)
class Goal:
    """What a ratio should reach.

    Attributes:
        bound: the number.
        inverse: False: reference / ours is to be at least `bound`; True: ours / reference at most.
    """

    bound: float
    inverse: bool = False

    def met(self, ratio: float) -> bool:
        """Tells whether reference / ours = `ratio` is good enough."""
        return 1 / ratio <= self.bound if self.inverse else ratio >= self.bound

    def text(self, ratio: float, share: bool = False) -> str:
        """Returns the goal and whether it is met, for a table."""
        verdict = "met" if self.met(ratio) else "NOT met"
        if self.inverse:
            return f"≤ {self.bound:.2f} of it: {1 / ratio:.2f}, {verdict}"
        wanted = f"{self.bound:.0%}" if share else f"{self.bound:g}×"
        return f"≥ {wanted}: {verdict}"


@dataclass(frozen=True)
class Case:
    """Several sides that do the same job.

    Attributes:
        name: what is done, in which form and size; unique.
        sides: makes each side's workload, by the side's name; the reference first, ours last.
        goals: by quantity.
        quantities: what to measure: TIME, MEMORY, SHARE.
        group: the table it belongs to.
        positions: H * W where the case is one of a series in it.
        framework: whose device functions apply, 'paddle' or 'torch'.
        pause: seconds between the runs, see `timing.interleave`.
        needs: bytes of memory without which the case is left out.
    """

    name: str
    sides: Mapping[str, Callable[[], Workload]]
    goals: Mapping[str, Goal] = field(default_factory=dict)
    quantities: tuple[str, ...] = (TIME,)
    group: str = ""
    positions: int = 0
    framework: str = "paddle"
    pause: float = 0.0
    needs: int = 0


@dataclass(frozen=True)
class Row:
    """A measured quantity of a case. Times are in seconds, memory in bytes, rates in MAC/s.

    `low` and `high` are quartiles over `runs` rounds; `ratio` is reference / ours for times and
    memory, ours / reference for rates, the median of the rounds. `difference` is the largest
    difference of the outputs, relative to the reference's largest value; nan if not compared.
    """

    group: str
    case: str
    quantity: str
    reference: str
    subject: str
    reference_value: float
    reference_low: float
    reference_high: float
    value: float
    low: float
    high: float
    runs: int
    ratio: float
    ratio_low: float
    ratio_high: float
    difference: float = float("nan")
    reference_macs: int = 0
    macs: int = 0
    positions: int = 0
    goal_bound: float = float("nan")
    goal_inverse: bool = False

    @property
    def goal(self) -> Goal | None:
        """The goal, if there is one."""
        return Goal(self.goal_bound, self.goal_inverse) if self.goal_bound > 0 else None
