"""What is looked through: lists of image and mask files, and which ids a mask may hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from paddle_ann.compat.lists import read_lines, split_pair
from paddle_ann.datasets.audit.findings import Problem

Pair = tuple[str, Optional[str]]
Color = tuple[int, int, int]

_SUFFIXES = frozenset(".png .jpg .jpeg .jpe .bmp .tif .tiff .webp .ppm .pgm .pbm .gif .jp2".split())


@dataclass
class Split:
    """One list of samples.

    Attributes:
        name: 'train' or 'val'.
        pairs: (image, mask) paths; the mask is None where the list names none.
        problems: What was wrong before a file was opened.
        table: The id that a data set class makes of each mask value 0 … 255; None if masks are
            read as they are.
        own_reading: Why masks are not looked into: the class makes ids in a way of its own.
        color_id: The id that a data set class makes of a colour, None for a colour it refuses; None
            if it reads no colour masks.
    """

    name: str
    pairs: Sequence[Pair]
    problems: list[Problem] = field(default_factory=list)
    table: tuple[int, ...] | None = None
    own_reading: str = ""
    color_id: Callable[[Color], int | None] | None = None


@dataclass
class Plan:
    """A data set to look through.

    Attributes:
        splits: Train, and usually val.
        num_classes: Ids 0 … num_classes - 1 are allowed in masks.
        ignore_index: The one further id that is allowed.
        source: The command line's words for it, e.g. '--list train.txt --root data'.
        class_names: Names by id, or none.
        palettes: Colours by id, (R, G, B), one palette after another to try on colour masks.
        coef: The coefficients of the losses, for the YAML snippet.
    """

    splits: list[Split]
    num_classes: int
    ignore_index: int = 255
    source: str = ""
    class_names: tuple[str, ...] = ()
    palettes: tuple[tuple[Color, ...], ...] = ()
    coef: tuple[float, ...] = (1, 0.4)

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if not 1 <= self.num_classes <= 65535:
            raise ValueError(f"num_classes is {self.num_classes}; it must be 1 to 65535.")
        if not 0 <= self.ignore_index <= 65535:
            raise ValueError(f"ignore_index is {self.ignore_index}; it must be 0 to 65535.")
        if not any(split.pairs or split.problems for split in self.splits):
            raise ValueError(f"{self.source or 'The data set'} names no image. Check the list.")

    def class_name(self, index: int) -> str:
        """The name of a class, or its number."""
        known = index < len(self.class_names)
        return self.class_names[index] if known else f"class {index}"


def voc_palette() -> tuple[Color, ...]:
    """Pascal VOC's 256 colours: the bits of an id, in threes, from the highest bit of R, G, B."""
    return tuple(
        (_high_bits(index), _high_bits(index >> 1), _high_bits(index >> 2)) for index in range(256)
    )


def _high_bits(index: int) -> int:
    return sum((index >> 3 * place & 1) << 7 - place for place in range(3))


def from_list(name: str, path: str, root: str) -> Split:
    """Reads a list file: "image mask" in each line, relative to `root`, as PaddleSeg's lists are.

    A line that cannot be split into two names is a problem of the split, not an error.

    Raises:
        FileNotFoundError: There is no such list or root.
        ValueError: The list is not in UTF-8, or empty.
    """
    if not os.path.isdir(root):
        raise FileNotFoundError(
            f"--root {root} is not a folder; give the one that the names in {path} begin at."
        )
    split = Split(name, pairs := [])
    for number, line in read_lines(path):
        try:
            names = split_pair(line, " ", root)
            if len(names) != 2:
                raise ValueError("an image and a mask name are needed, `image mask`")
        except ValueError as error:
            split.problems.append(
                Problem("list-line", name, path, f"line {number}, {line!r}: {error}")
            )
        else:
            pairs.append((os.path.join(root, names[0]), os.path.join(root, names[1])))
    if not pairs and not split.problems:
        raise ValueError(f"The list file {path} is empty; each line must be `image mask`.")
    return split


def from_folders(name: str, images: str, masks: str) -> Split:
    """Pairs the files of two folders (and of the folders in them) by their names without ending.

    Raises:
        FileNotFoundError: A folder is missing.
        ValueError: No image has a mask of its name.
    """
    found = _by_stem(images), _by_stem(masks)
    problems, pairs = [], []
    for files, others, role, other in ((*found, "image", "mask"), (*found[::-1], "mask", "image")):
        for stem, paths in files.items():
            if stem not in others:
                problems += [Problem("unpaired", name, p, f"{role} without {other}") for p in paths]
            elif len(paths) > 1:
                detail = "files of one name: " + ", ".join(map(os.path.basename, paths))
                problems.append(Problem("unpaired", name, paths[0], detail))
            elif len(others[stem]) == 1 and role == "image":
                pairs.append((paths[0], others[stem][0]))
    if not pairs:
        shown = [f"{folder} holds {_some(files)}" for folder, files in zip((images, masks), found)]
        raise ValueError(
            f"No image has a mask of the same name: {'; '.join(shown)}. The names without their "
            "endings must be equal; otherwise write a list file and use --list."
        )
    return Split(name, pairs, problems)


def _by_stem(folder: str) -> dict[str, list[str]]:
    """Image files below a folder, by their relative path without ending, in order."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder} is not a folder; give one that holds images or masks.")
    files: dict[str, list[str]] = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix.lower() in _SUFFIXES:
            stem = str(path.relative_to(folder).with_suffix(""))
            files.setdefault(stem, []).append(str(path))
    return files


def _some(files: dict[str, list[str]]) -> str:
    names = [os.path.basename(paths[0]) for paths in list(files.values())[:2]]
    return ", ".join(names) + (", …" if len(files) > 2 else "") if names else "no image file"
