"""The kinds of findings, how grave each is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

BREAKS, SPOILS, NOTE = "breaks", "spoils", "note"
LEVELS = {
    BREAKS: "would break training",
    SPOILS: "would spoil training or its evaluation",
    NOTE: "worth a look",
}


class Problem(NamedTuple):
    """One thing that is wrong with one file: its kind, the split, the file and the details.

    `other` is the file it is a copy of, if that is what is wrong.
    """

    kind: str
    split: str
    path: str
    detail: str = ""
    other: str = ""


class Kind(NamedTuple):
    """A kind of problem: how grave, what it is, what to do."""

    level: str
    title: str
    advice: str


KINDS = {
    "list-line": Kind(BREAKS, "lines of a list that name no pair", "Mend the line."),
    "missing": Kind(
        BREAKS, "files that are missing", "Restore them, or take them out of the list."
    ),
    "unpaired": Kind(BREAKS, "images or masks without a partner", "Add the other, or remove it."),
    "empty": Kind(BREAKS, "files of 0 bytes", "Copy them again from their source."),
    "unreadable": Kind(BREAKS, "files that are no image", "Replace them by JPEG or PNG files."),
    "damaged": Kind(
        BREAKS, "images or masks cut short or damaged", "Copy them again from their source."
    ),
    "too-large": Kind(
        BREAKS,
        "images beyond the pixel limit",
        "Make them smaller or cut them into tiles; --max_pixels raises the limit.",
    ),
    "size-mismatch": Kind(
        BREAKS, "masks of another size than their image", "Check that they belong together."
    ),
    "colour-mask": Kind(
        BREAKS, "masks in colour, not class ids", "Map the colours to ids (--mapping)."
    ),
    "float-mask": Kind(BREAKS, "masks of floats", "Write the ids as 8-bit grey PNGs."),
    "outside-classes": Kind(
        BREAKS,
        "masks with values outside the classes",
        "Map them (--mapping), or correct num_classes.",
    ),
    "16-bit-mask": Kind(
        NOTE,
        "masks of 16 bits, in which Paddle takes every id for 0 where paddle_ann is not imported",
        "Write them as 8-bit PNGs; --mend does.",
    ),
    "object-is-255": Kind(
        SPOILS,
        "masks of 0 and 255 throughout: 255 is ignored, so the object is never learned",
        "Write the object as 1.",
    ),
    "lossy-mask": Kind(
        SPOILS,
        "masks in a lossy format, which invents ids along every edge",
        "Export them as PNG from their source.",
    ),
    "all-ignored": Kind(
        SPOILS, "masks that ignore every pixel: they teach and measure nothing", "Leave them out."
    ),
    "leak": Kind(
        SPOILS, "validation images that are training images too", "Take them out of one list."
    ),
    "look-alike-leak": Kind(
        SPOILS,
        "validation images that look like a training image (a copy in another size or quality?)",
        "Look at them; take copies out of one list.",
    ),
    "contradiction": Kind(SPOILS, "one image with different masks", "Keep the mask that is right."),
    "duplicate": Kind(NOTE, "images that occur more than once in a list", "Keep one of each."),
    "look-alike": Kind(NOTE, "images of one list that look alike", "Keep them if they are meant."),
    "absent-class": Kind(
        NOTE, "classes without a pixel", "Check num_classes, the masks, and how the lists are cut."
    ),
    "only-0-255": Kind(
        NOTE, "masks of 0 and 255 only", "If 255 means the object there, write it as 1."
    ),
    "reduced-image": Kind(
        NOTE,
        "images with 16 bits or transparency, of which 8 bits and RGB are read",
        "Convert them yourself if that loses what matters.",
    ),
    "own-reading": Kind(
        NOTE, "data set classes with ids of their own making", "Their masks were not looked into."
    ),
}


@dataclass
class Finding:
    """All problems of one kind.

    Attributes:
        kind: A key of `KINDS`.
        problems: At least one.
    """

    kind: str
    problems: list[Problem] = field(default_factory=list)

    @property
    def level(self) -> str:
        """'breaks', 'spoils' or 'note'."""
        return KINDS[self.kind].level

    def __str__(self) -> str:
        """The headline."""
        return f"{len(self.problems)} × {KINDS[self.kind].title}"


def group(problems: Iterable[Problem]) -> list[Finding]:
    """Collects problems by kind, the gravest kinds first, in the order of `KINDS`."""
    found = {kind: Finding(kind) for kind in KINDS}
    for problem in problems:
        found[problem.kind].problems.append(problem)
    present = [finding for finding in found.values() if finding.problems]
    return sorted(present, key=lambda finding: list(LEVELS).index(finding.level))


def exit_code(findings: Iterable[Finding]) -> int:
    """0 if nothing would break or spoil a training, else 1."""
    return int(any(finding.level != NOTE for finding in findings))
