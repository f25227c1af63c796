"""What the benchmark of the deployment measures, one line each, and the file that keeps it.

Only whole rounds are kept: what is compared was measured side by side.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from paddle_ann.benchmark.resume import check_same
from paddle_ann.checkpoint.files import replacing


class Sample(NamedTuple):
    """One value.

    Attributes:
        task: "call", "graph", "batch 1", "batch 4" or "agreement".
        side: who did it.
        round: which time, from 0 on.
        image: the image's or batch's number; -1: all of them.
        what: which part of the work.
        value: seconds; of the task "agreement" the share of equal pixels.
    """

    task: str
    side: str
    round: int
    image: int
    what: str
    value: float


class Store:
    """The samples of a run, in a file from the first round on.

    Args:
        path: the CSV.
        around: circumstances, by name.
        samples: what is there already.
    """

    def __init__(
        self, path: Path, around: Mapping[str, str], samples: Iterable[Sample] = ()
    ) -> None:
        self.path, self.around, self.samples = path, dict(around), list(samples)

    def rounds(self, task: str) -> int:
        """Count the rounds of a task."""
        return len({sample.round for sample in self.samples if sample.task == task})

    def values(self, task: str, side: str, what: str) -> list[float]:
        """List values in the order in which they were measured."""
        wanted = (task, side, what)
        return [s.value for s in self.samples if (s.task, s.side, s.what) == wanted]

    def sides(self, task: str) -> list[str]:
        """List who did a task."""
        return list(dict.fromkeys(s.side for s in self.samples if s.task == task))

    def add(self, samples: Sequence[Sample], around: Mapping[str, str]) -> None:
        """Add a round, and write the file anew."""
        self.samples += samples
        self.around.update(around)
        self.write(self.path)

    def drop(self, task: str) -> None:
        """Forget a task."""
        self.samples = [sample for sample in self.samples if sample.task != task]

    def write(self, path: Path) -> None:
        """Write the circumstances as `# name: value` lines and one line per sample below them."""
        text = io.StringIO()
        text.writelines(f"# {name}: {value}\n" for name, value in self.around.items())
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(Sample._fields)
        writer.writerows((*sample[:-1], f"{sample.value:.6g}") for sample in self.samples)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            draft.write_text(text.getvalue(), encoding="utf-8")


def read(path: Path) -> tuple[list[Sample], dict[str, str]]:
    """Read what a `Store` wrote: samples and circumstances.

    Raises:
        ValueError: if it is something else.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line[2:].partition(": ") for line in lines if line.startswith("# ")]
    names, *rows = csv.reader(line for line in lines if not line.startswith("# "))
    if tuple(names) != Sample._fields:
        raise ValueError(f"{path} has the columns {names}; expected {list(Sample._fields)}.")
    samples = [Sample(r[0], r[1], int(r[2]), int(r[3]), r[4], float(r[5])) for r in rows]
    return samples, {name: value for name, _, value in comments}


def open_store(path: Path, around: Mapping[str, str], resume: bool) -> Store:
    """Begin a store, or go on with the one in a file.

    Args:
        path: the CSV.
        around: the circumstances now.
        resume: keep what the file holds.

    Raises:
        ValueError: if it was measured in other circumstances.
    """
    if not resume or not path.exists():
        return Store(path, around)
    samples, before = read(path)
    check_same(path, before, around)
    return Store(path, before, samples)
