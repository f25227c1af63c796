"""The outcome of a check: the findings, the mapping, the weights; and the check itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

from paddle_ann.datasets.audit import balance, duplicates
from paddle_ann.datasets.audit.findings import Finding, Problem, exit_code, group
from paddle_ann.datasets.audit.mapping import Mapping, propose
from paddle_ann.datasets.audit.plan import Plan
from paddle_ann.datasets.audit.scan import SplitScan, scan


@dataclass
class Report:
    """The outcome of a check.

    Attributes:
        plan: What was checked.
        scans: What was seen, by split.
        findings: By kind, the gravest first.
        mapping: What would mend the masks.
        seconds: Time the files took.
    """

    plan: Plan
    scans: list[SplitScan]
    findings: list[Finding]
    mapping: Mapping
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 clean, 1 something would break or spoil training."""
        return exit_code(self.findings)

    @property
    def pairs(self) -> int:
        """Samples looked at."""
        return sum(len(scan.split.pairs) for scan in self.scans)

    @property
    def images_per_minute(self) -> float:
        """How fast it went."""
        return 60 * self.pairs / max(self.seconds, 1e-9)

    def weights(self) -> dict[str, str]:
        """YAML snippets by method, from the first split's masks; none while masks need mending."""
        counts, name, coef = self.scans[0].counts, self.scans[0].split.name, self.plan.coef
        if self.mapping or not counts.pixels.any():
            return {}
        cap = f"capped to {1 / balance.CAP:g} … {balance.CAP:g}"
        by_median, by_number = balance.median_frequency(counts), balance.effective_number(counts)
        return {
            "median frequency": balance.snippet(
                by_median, coef, f"median-frequency weights of {name}, {cap}"
            ),
            "effective number": balance.snippet(
                by_number,
                coef,
                f"effective-number weights of {name} (beta {balance.BETA:g}, by images), {cap}",
            ),
        }


def check(
    plan: Plan,
    num_workers: int = 0,
    max_pixels: int | None = None,
    mapping: Mapping | None = None,
    stream: TextIO | None = None,
) -> Report:
    """Looks through a data set; nothing is written, whatever the files hold.

    Args:
        plan: See `plan` and `configured`.
        num_workers: Processes; 0 for this one.
        max_pixels: See `images.pixel_limit`.
        mapping: What would mend the masks, if the user knows; else it is proposed.
        stream: Where progress goes.
    """
    scans, seconds = scan(plan, num_workers, max_pixels, stream)
    if mapping is None:
        values = set().union(*(item.values for item in scans))
        colors = set().union(*(item.colors for item in scans))
        mapping = propose(values, colors, plan.num_classes, plan.ignore_index, plan.palettes)
    seen = [
        duplicates.Seen(s.split.name, s.split.pairs, s.image_digests, s.mask_digests, s.looks)
        for s in scans
    ]
    problems = [*_of_files(plan, scans), *_of_classes(plan, scans), *duplicates.problems(seen)]
    return Report(plan, scans, group(problems), mapping, seconds)


def _of_files(plan: Plan, scans: list[SplitScan]) -> Iterable[Problem]:
    values = set().union(*(item.values for item in scans))
    binary = values == {0, 255} and plan.ignore_index == 255 and plan.num_classes > 1
    for item in scans:
        yield from item.split.problems
        if item.split.own_reading:
            yield Problem("own-reading", item.split.name, item.split.own_reading)
        for problem in item.problems:
            is_object = binary and problem.kind in ("only-0-255", "all-ignored")
            yield problem._replace(kind="object-is-255") if is_object else problem


def _of_classes(plan: Plan, scans: list[SplitScan]) -> Iterable[Problem]:
    for item in scans:
        for index in (item.counts.pixels == 0).nonzero()[0] if item.masks else ():
            name = plan.class_name(int(index))
            label = name if name == f"class {index}" else f"class {index} ({name})"
            yield Problem("absent-class", item.split.name, label)
