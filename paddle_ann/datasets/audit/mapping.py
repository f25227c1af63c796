"""Which ids were meant: from the values or colours of all masks to a table that mends them."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import numpy as np

from paddle_ann.datasets.check_files import outside_classes

Color = tuple[int, int, int]
Proposal = Optional[tuple[dict[Any, int], str]]

VOC_VOID = (224, 224, 192)  # the border colour of Pascal VOC's colour masks


@dataclass(frozen=True)
class Mapping:
    """What becomes of mask values and colours; those that are not named stay as they are.

    Attributes:
        values: New id of a mask value.
        colors: New id of a colour.
        reasons: Why, one sentence per table.
    """

    values: dict[int, int] = field(default_factory=dict)
    colors: dict[Color, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return bool(self.values or self.colors)

    def as_json(self) -> dict[str, Any]:
        """The form that `read` takes."""
        return {
            "values": {str(value): new for value, new in sorted(self.values.items())},
            "colours": {
                ",".join(map(str, color)): new for color, new in sorted(self.colors.items())
            },
            "reasons": list(self.reasons),
        }


def propose(
    values: Collection[int],
    colors: Collection[Color],
    num_classes: int,
    ignore_index: int = 255,
    palettes: Sequence[Sequence[Color]] = (),
) -> Mapping:
    """Guesses what the values and colours of all masks together were meant to be.

    Args:
        values: All values that occur in masks of one channel.
        colors: All colours that occur in colour masks.
        num_classes: Ids 0 … num_classes - 1 are wanted.
        ignore_index: And this one for ignored pixels.
        palettes: Colours by id, to try one after the other.

    Returns:
        The mapping, empty where nothing needs mending or no guess is better than another.
    """
    by_value = values_to_ids(values, num_classes, ignore_index)
    by_color = colors_to_ids(colors, num_classes, ignore_index, palettes, guess=not values)
    found = [proposal for proposal in (by_value, by_color) if proposal]
    return Mapping(
        by_value[0] if by_value else {},
        by_color[0] if by_color else {},
        tuple(reason for _, reason in found),
    )


def values_to_ids(values: Collection[int], num_classes: int, ignore_index: int = 255) -> Proposal:
    """The mapping of values and its reason; None where there is nothing to mend, or no clear way.

    Known mistakes: the object as 255; ids from 1 … N; N or fewer grey levels at equal distances.
    """
    found = sorted(values)
    if len(found) > 1 and set(found) == {0, 255} and num_classes > 1:
        return {255: 1}, "0 and 255 alone: 255 is the object, which is class 1"
    if not outside_classes(found, num_classes, ignore_index):
        return None
    ids = [value for value in found if value != ignore_index]
    if min(ids) == 1 and max(ids) == num_classes:
        return {v: v - 1 for v in ids}, f"ids 1 … {num_classes}, none 0: numbered from 1, not 0"
    for levels in (found, ids):
        steps = set(np.diff(levels).tolist())
        if len(steps) == 1 and min(steps) > 1 and levels[0] == 0 and len(levels) <= num_classes:
            ranks = {value: rank for rank, value in enumerate(levels) if value != rank}
            return ranks, f"{len(levels)} grey levels at equal distances: numbered in their order"
    return None


def colors_to_ids(
    colors: Collection[Color],
    num_classes: int,
    ignore_index: int = 255,
    palettes: Iterable[Sequence[Color]] = (),
    guess: bool = True,
) -> Proposal:
    """The mapping of colours and its reason.

    Colours of no known palette are numbered as they come, unless `guess` is False: beside masks
    that hold ids already, the numbers would not be theirs.

    Returns:
        None for no colours, for more than classes, and where a guess is needed and not wanted.
    """
    found = sorted(colors)
    if not found:
        return None
    greys = {r for r, g, b in found if r == g == b}
    if len(greys) == len(found):
        by_value = values_to_ids(greys, num_classes, ignore_index)
        if by_value or not outside_classes(greys, num_classes, ignore_index):
            table, reason = by_value or ({}, "a grey mask stored in colour: its grey is the id")
            return {(v, v, v): table.get(v, v) for v in sorted(greys)}, reason
    for palette in palettes:
        ids = {VOC_VOID: ignore_index}
        for index in reversed(range(min(num_classes, len(palette)))):  # the first of equal colours
            ids[palette[index]] = index
        if all(color in ids for color in found):
            return {color: ids[color] for color in found}, "every colour is one of the palette"
    classes = [color for color in found if color != VOC_VOID]
    if guess and len(classes) <= num_classes:
        ids = {color: index for index, color in enumerate(classes)}
        return (
            ids if len(classes) == len(found) else {**ids, VOC_VOID: ignore_index},
            "NOT a known palette: the colours found, numbered from dark to bright red, then green, "
            "then blue. Check which class each is before you train",
        )
    return None


def read(path: str | Path) -> Mapping:
    """Reads a mapping from JSON: {"values": {"255": 1}, "colours": {"128,0,0": 1}}.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON of that form, or a number is out of range.
    """
    path = Path(path)
    if not os.path.isfile(path):  # False too where the system refuses the path
        raise FileNotFoundError(f"The mapping {path} does not exist; --json writes one.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content = content.get("mapping", content)  # a report of --json
        values = {int(old): _id(new) for old, new in content.get("values", {}).items()}
        colors = {_color(old): _id(new) for old, new in content.get("colours", {}).items()}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path} is no mapping ({error}); it must be JSON such as "
            '{"values": {"255": 1}, "colours": {"128,0,0": 1}}, with new ids of 0 to 255.'
        ) from None
    if not values and not colors:
        raise ValueError(f"{path} maps nothing: it needs `values` or `colours`, not empty.")
    return Mapping(values, colors, (f"as {path} says",))


def _id(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise ValueError(f"the new id {value!r} is no whole number of 0 to 255")
    return value


def _color(text: str) -> Color:
    parts = [int(part) for part in text.split(",")]
    if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
        raise ValueError(f"{text!r} is no colour R,G,B of 0 to 255")
    return parts[0], parts[1], parts[2]


def apply_to_values(mask: np.ndarray, values: dict[int, int]) -> np.ndarray:
    """Maps a mask (H, W) of integers; returns the same shape, int64."""
    found, inverse = np.unique(mask, return_inverse=True)
    mapped = np.array([values.get(int(value), int(value)) for value in found], np.int64)
    return mapped[inverse].reshape(mask.shape)


def apply_to_colors(mask: np.ndarray, colors: dict[Color, int]) -> np.ndarray:
    """Maps a mask (H, W, 3) uint8 to ids (H, W), int64; -1 for a colour without an id."""
    packed = mask.astype(np.int64) @ np.array([65536, 256, 1])
    found, inverse = np.unique(packed, return_inverse=True)
    ids = {r * 65536 + g * 256 + b: index for (r, g, b), index in colors.items()}
    mapped = np.array([ids.get(int(color), -1) for color in found], np.int64)
    return mapped[inverse].reshape(mask.shape[:2])
