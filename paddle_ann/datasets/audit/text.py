"""A report as text for the terminal, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paddle_ann.datasets.audit.findings import KINDS, LEVELS, NOTE, Finding, Problem
from paddle_ann.datasets.audit.mapping import Mapping
from paddle_ann.datasets.audit.report import Report

MADE_BY = "paddle_ann tools/check_data.py"
_FILES_SHOWN = 5
_TABLE_SHOWN = 24


def text(report: Report) -> str:
    """The report for a terminal."""
    lines = [headline(report)]
    for finding in report.findings:
        lines += ["", *_finding(finding)]
    if report.mapping:
        lines += ["", *_mapping(report)]
    lines += ["", *_classes(report)]
    for method, snippet in report.weights().items():
        lines += ["", f"Weights for the loss, by {method}; for your YAML:", "", snippet.rstrip()]
    return "\n".join([*lines, "", verdict(report)])


def verdict(report: Report) -> str:
    """The last line: is it clean?"""
    grave = [finding for finding in report.findings if finding.level != NOTE]
    if not grave:
        return f"Clean: nothing in {report.pairs} pairs would break or spoil training."
    parts = []
    for level, meaning in LEVELS.items():
        kinds = [finding.kind for finding in grave if finding.level == level]
        if kinds:
            parts.append(f"{', '.join(kinds)} {meaning}")
    return f"Not clean: {'; '.join(parts)}."


def shown(problem: Problem) -> str:
    """One line for a problem; names that are no UTF-8 are escaped."""
    line = f"[{problem.split}] {problem.path}" + (f": {problem.detail}" if problem.detail else "")
    return line.encode("utf-8", "backslashreplace").decode()


def headline(report: Report) -> str:
    """What was checked, and how fast."""
    sizes = ", ".join(f"{s.split.name} {len(s.split.pairs)}" for s in report.scans)
    return (
        f"Checked {report.pairs} pairs ({sizes}), every byte and every mask value, in "
        f"{report.seconds:.1f} s: {report.images_per_minute:,.0f} images/min."
    )


def _finding(finding: Finding) -> Iterator[str]:
    kind = KINDS[finding.kind]
    yield f"{finding.kind} ({LEVELS[kind.level]}): {finding}. {kind.advice}"
    yield from (f"  {shown(problem)}" for problem in finding.problems[:_FILES_SHOWN])
    more = len(finding.problems) - _FILES_SHOWN
    if more > 0:
        yield f"  and {more} more; --json FILE and --html FILE list all"


def table(mapping: Mapping) -> list[str]:
    """Lines "old -> new" of a mapping."""
    values = [f"{old} -> {new}" for old, new in sorted(mapping.values.items())]
    colors = [f"({r}, {g}, {b}) -> {new}" for (r, g, b), new in sorted(mapping.colors.items())]
    return values + colors


def _mapping(report: Report) -> Iterator[str]:
    lines = table(report.mapping)
    yield f"A mapping that would mend the masks: {'; '.join(report.mapping.reasons)}."
    yield "  " + ", ".join(lines[:_TABLE_SHOWN]) + (", …" if len(lines) > _TABLE_SHOWN else "")
    yield "Write a mended copy, the originals stay as they are:"
    yield f"  {mend_command(report)}"


def mend_command(report: Report) -> str:
    """The command that writes a mended copy."""
    return f"python tools/check_data.py {report.plan.source} --mend NEW_FOLDER"


def _classes(report: Report) -> Iterator[str]:
    plan = report.plan
    scans = [scan for scan in report.scans if scan.masks]
    if not scans:
        return
    width = max([len(plan.class_name(i)) for i in range(plan.num_classes)] + [7])
    yield f"{'class':<{width}}" + "".join(
        f"  {scan.split.name + ' pixels':>14} {'images':>7}" for scan in scans
    )
    totals = [max(1, int(scan.counts.pixels.sum())) for scan in scans]
    for index in range(plan.num_classes):
        yield f"{plan.class_name(index):<{width}}" + "".join(
            f"  {scan.counts.pixels[index] / total:>14.3%} {scan.counts.images[index]:>7}"
            for scan, total in zip(scans, totals)
        )
    yield f"{'ignored':<{width}}" + "".join(
        f"  {scan.counts.ignored / (total + scan.counts.ignored):>14.3%} {'':>7}"
        for scan, total in zip(scans, totals)
    )


def as_json(report: Report) -> dict[str, Any]:
    """Everything in the report, for `json.dump`."""
    return {
        "made_by": MADE_BY,
        "source": report.plan.source,
        "num_classes": report.plan.num_classes,
        "ignore_index": report.plan.ignore_index,
        "exit_code": report.exit_code,
        "verdict": verdict(report),
        "seconds": round(report.seconds, 3),
        "images_per_minute": round(report.images_per_minute),
        "splits": {scan.split.name: _split(report, scan) for scan in report.scans},
        "findings": [
            {
                "kind": finding.kind,
                "level": finding.level,
                "title": KINDS[finding.kind].title,
                "advice": KINDS[finding.kind].advice,
                "files": [problem._asdict() for problem in finding.problems],
            }
            for finding in report.findings
        ],
        "mapping": report.mapping.as_json(),
        "weights": report.weights(),
    }


def _split(report: Report, scan: Any) -> dict[str, Any]:
    counts = scan.counts
    return {
        "pairs": len(scan.split.pairs),
        "ignored_pixels": counts.ignored,
        "classes": [
            {
                "id": index,
                "name": report.plan.class_name(index),
                "pixels": int(counts.pixels[index]),
                "images": int(counts.images[index]),
            }
            for index in range(report.plan.num_classes)
        ],
    }
