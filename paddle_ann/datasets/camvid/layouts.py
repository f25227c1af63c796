"""Which of CamVid's layouts stands in a folder, and how many classes it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from paddle_ann.datasets.camvid import folders, segnet

AUTO = "auto"


class Layout(NamedTuple):
    """A way in which CamVid is stored.

    Attributes:
        holds: What a folder in this layout holds, in words.
        marks: Files or folders of which one tells the layout.
        classes: Numbers of classes that its labels can be read as; the first is the default.
        pairs: Lists (image, label) paths of a mode.
    """

    holds: str
    marks: tuple[str, ...]
    classes: tuple[int, ...]
    pairs: Callable[[Path, str, bool], list[list[str]]]


LAYOUTS = {
    "segnet": Layout(
        "train.txt, train/, trainannot/ and so on",
        tuple(f"{split}{end}" for split in ("train", "val", "test") for end in (".txt", "annot")),
        (11,),
        segnet.pairs,
    ),
    "original": Layout(
        " and ".join(f"{name}/" for name in folders.ORIGINAL_FOLDERS),
        folders.ORIGINAL_FOLDERS,
        (32, 11),
        folders.original_pairs,
    ),
    "tutorial": Layout(
        ", ".join(
            f"{name}/" for split in ("train", "val") for name in folders.TUTORIAL_FOLDERS[split]
        ),
        tuple(name for split in folders.TUTORIAL_FOLDERS.values() for name in split),
        (33,),
        folders.tutorial_pairs,
    ),
}
DESCRIPTION = "; ".join(f"{name}: {layout.holds}" for name, layout in LAYOUTS.items())


def find_layout(root: Path, layout: str = AUTO) -> str:
    """The name of the layout in a folder.

    Args:
        root: An existing folder.
        layout: 'segnet', 'original' or 'tutorial' is returned as it is; 'auto' looks.

    Raises:
        FileNotFoundError: None of the layouts is there.
        ValueError: Several are, or there is no such layout.
    """
    check_layout(layout)
    if layout != AUTO:
        return layout
    found = [
        name for name, kind in LAYOUTS.items() if any((root / mark).exists() for mark in kind.marks)
    ]
    if not found:
        raise FileNotFoundError(
            f"{root} holds CamVid in none of the layouts that are known. Looked for {DESCRIPTION}. "
            "Check dataset_root."
        )
    if len(found) > 1:
        raise ValueError(
            f"{root} holds CamVid in several layouts: {', '.join(found)}. Say which one is meant, "
            f"e.g. layout: {found[0]}."
        )
    return found[0]


def count_classes(layout: str, classes: int | None) -> int:
    """The number of classes of a layout, where `classes` is chosen or None.

    Raises:
        ValueError: The layout's labels cannot be read as that number of classes.
    """
    possible = LAYOUTS[layout].classes
    if classes is not None and (type(classes) is not int or classes not in possible):
        raise ValueError(
            f"classes is {classes!r}; CamVid in the layout {layout!r} has "
            f"{' or '.join(map(str, possible))}."
        )
    return possible[0] if classes is None else classes


def check_layout(layout: str) -> None:
    """Raises a ValueError if there is no such layout."""
    if not isinstance(layout, str) or layout not in (AUTO, *LAYOUTS):
        raise ValueError(f"layout is {layout!r}; it must be {AUTO}, {', '.join(LAYOUTS)}.")
