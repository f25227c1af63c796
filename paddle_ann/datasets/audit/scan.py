"""All samples, looked at in parallel processes, and folded into totals as they come in."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import TextIO, TypeVar

from paddle_ann.datasets.audit.balance import Counts
from paddle_ann.datasets.audit.findings import Problem
from paddle_ann.datasets.audit.plan import Pair, Plan, Split
from paddle_ann.datasets.audit.sample import Facts, examine
from paddle_ann.datasets.check_files import judge

_CHUNK = 16
_COLORS_SHOWN = 8
_AHEAD = 4  # chunks per process that wait: enough to keep it busy, few enough to keep memory flat
_DOUBTS = {"all pixels are ignored": "all-ignored", "only 0 and 255": "only-0-255"}

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Processor cores that this process may use."""
    known = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1


@dataclass
class SplitScan:
    """What was seen of one split.

    Attributes:
        split: The list.
        counts: Class frequencies, by final ids.
        values: Every final mask value that occurs.
        colors: Every colour that occurs in colour masks.
        problems: Of its files.
        looks, image_digests, mask_digests: Of each pair, in order; b"" where unknown.
        masks: Masks of one channel that could be read.
    """

    split: Split
    counts: Counts
    values: set[int] = field(default_factory=set)
    colors: set[tuple[int, int, int]] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    looks: list[bytes] = field(default_factory=list)
    image_digests: list[bytes] = field(default_factory=list)
    mask_digests: list[bytes] = field(default_factory=list)
    masks: int = 0

    def add(self, pair: Pair, facts: Facts, plan: Plan) -> None:
        """Folds in one sample."""
        name, facts = self.split.name, as_read(facts, self.split)
        for kind, role, detail in facts.problems:
            path = pair[0] if role == "image" else str(pair[1])
            self.problems.append(Problem(kind, name, path, detail.replace(f"{path} ", "", 1)))
        self.looks.append(facts.look)
        self.image_digests.append(facts.image_digest)
        self.mask_digests.append(facts.mask_digest)
        self.colors.update(facts.colors)
        if facts.values:
            self._add_values(str(pair[1]), final_values(facts.values, self.split.table), plan)

    def _add_values(self, path: str, values: dict[int, int], plan: Plan) -> None:
        self.masks += 1
        self.values.update(values)
        self.counts.add(values, plan.ignore_index)
        try:
            doubt = judge(values, path, plan.num_classes, plan.ignore_index)
        except ValueError as error:
            detail = str(error).split(" holds ", 1)[-1].split("; with num_classes", 1)[0]
            self.problems.append(Problem("outside-classes", self.split.name, path, detail))
        else:
            if doubt:
                self.problems.append(Problem(_DOUBTS[doubt], self.split.name, path))


def as_read(facts: Facts, split: Split) -> Facts:
    """Facts with ids for the colours, where the data set class reads colour masks."""
    if split.color_id is None:
        return facts
    problems = [problem for problem in facts.problems if problem[0] != "colour-mask"]
    if facts.values and split.table is None:
        detail = "grey values, where the data set reads the colours of its palette"
        return facts._replace(problems=(*problems, ("outside-classes", "mask", detail)), values={})
    if not facts.colors:
        return facts
    ids = {color: split.color_id(color) for color in facts.colors}
    values: Counter[int] = Counter()
    for color, count in facts.colors.items():
        index = ids[color]
        if index is not None:
            values[index] += count
    strange = {color: n for color, n in facts.colors.items() if ids[color] is None}
    if strange:
        shown = [f"the colour {color} ({strange[color]} pixels)" for color in sorted(strange)]
        detail = ", ".join(shown[:_COLORS_SHOWN]) + (", …" if len(shown) > _COLORS_SHOWN else "")
        problems.append(("outside-classes", "mask", detail))
    return facts._replace(problems=tuple(problems), values=dict(values), colors=strange)


def final_values(values: dict[int, int], table: Sequence[int] | None) -> dict[int, int]:
    """The pixels of each id after the data set class has turned values into ids."""
    if table is None:
        return values
    result: dict[int, int] = {}
    for value, count in values.items():
        final = table[value] if value < len(table) else value
        result[final] = result.get(final, 0) + count
    return result


def scan(
    plan: Plan, num_workers: int, max_pixels: int | None = None, stream: TextIO | None = None
) -> tuple[list[SplitScan], float]:
    """Looks at every sample.

    Args:
        plan: What to look at.
        num_workers: Processes; 0 for this one.
        max_pixels: See `images.pixel_limit`.
        stream: Where progress goes; None for nowhere.

    Returns:
        A result for each split, and the seconds taken.

    Raises:
        RuntimeError: A process died (out of memory, most likely).
    """
    start = time.monotonic()
    results = [SplitScan(split, Counts.zero(plan.num_classes)) for split in plan.splits]
    progress = Progress("checking", sum(len(split.pairs) for split in plan.splits), stream)

    def jobs() -> Iterator[tuple[str, str | None, int | None]]:
        for split in plan.splits:
            for image, mask in split.pairs:
                yield image, None if split.own_reading else mask, max_pixels

    facts = each(_examine, jobs(), num_workers)
    for result in results:
        for pair, fact in zip(result.split.pairs, facts):
            result.add(pair, fact, plan)
            progress.step()
    progress.end()
    return results, time.monotonic() - start


def _examine(job: tuple[str, str | None, int | None]) -> Facts:
    return examine(*job)


def each(
    task: Callable[[Item], Result], items: Iterator[Item], num_workers: int
) -> Iterator[Result]:
    """`map` in processes, in order, with few items under way at a time.

    The processes are forked: they have what is imported here, and import nothing again.
    """
    if num_workers == 0:
        yield from map(task, items)
        return
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(num_workers, context, initializer=_ignore_interrupts)
    waiting: deque[tuple[list[Item], Future[list[Result]]]] = deque()
    try:
        while True:
            while len(waiting) < _AHEAD * num_workers and (
                chunk := list(itertools.islice(items, _CHUNK))
            ):
                waiting.append((chunk, pool.submit(_all, task, chunk)))
            if not waiting:
                return
            chunk, future = waiting.popleft()
            try:
                done = future.result()
            except BrokenProcessPool:
                raise RuntimeError(
                    f"A process died while it read {chunk[0]} or one of the next "
                    f"{_CHUNK * _AHEAD * num_workers} files, most likely for want of memory. Use "
                    "fewer --num_workers, or a smaller --max_pixels."
                ) from None
            yield from done
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _all(task: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [task(item) for item in items]


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle


class Progress:
    """A line about how far it is and how long it will take: kept up to date on a terminal."""

    def __init__(
        self,
        what: str,
        total: int,
        stream: TextIO | None = sys.stderr,
        unit: str = "images",
    ) -> None:
        """Takes what is done, how many steps, where to write (None: nowhere), what a step is."""
        self._what, self._total, self._stream, self._done = what, total, stream, 0
        self._unit = unit
        self._live = bool(stream and stream.isatty())
        self._every = 0.5 if self._live else 10.0
        self._start = self._told = time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if self._stream and now - self._told >= self._every:
            self._told = now
            rate = self._done / (now - self._start)
            self._write(
                f"{self._what} {self._done}/{self._total}, {60 * rate:,.0f} {self._unit}/min, "
                f"{(self._total - self._done) / rate:.0f} s left"
            )

    def end(self) -> None:
        """Takes the line away again."""
        if self._live:
            self._write("")

    def _write(self, text: str) -> None:
        if self._stream:
            start, end = ("\r\x1b[K", "") if self._live else ("", "\n")
            print(start + text, end=end, file=self._stream, flush=True)
