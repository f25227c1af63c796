"""Ids from the label files of CamVid's layouts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from paddle_ann.datasets import images
from paddle_ann.datasets.camvid.classes import Color, color_ids

IGNORE_INDEX = 255
SEGNET_VOID = 11
_STEP = 64  # every channel of the original palette is 0, 64, 128 or 192
_UNKNOWN = 254


def reader(layout: str, count: int) -> Callable[[str], np.ndarray]:
    """The function that reads a label file: path → (H, W) ids, 255 where ignored.

    Args:
        layout: 'segnet', 'original' or 'tutorial'.
        count: Number of classes, see `layouts.count_classes`.
    """
    if layout == "segnet":
        return read_segnet
    if layout == "tutorial":
        return read_first_channel
    table = color_table(color_ids(count, IGNORE_INDEX))
    return lambda path: read_colors(path, table)


def read_segnet(path: str) -> np.ndarray:
    """SegNet's ids, its void (11) turned into 255.

    Raises:
        ValueError: The label has several channels.
    """
    with images.open_image(path) as file:
        label = np.asarray(images.pixels(file, path))
        if label.ndim != 2:
            raise ValueError(
                f"label {path} is a colour picture (mode {file.mode}); in SegNet's layout labels "
                "are grey PNGs of ids. Colours of the original CamVid are read in the original "
                "layout: 701_StillsRaw_full and LabeledApproved_full."
            )
    return np.where(label == SEGNET_VOID, label.dtype.type(IGNORE_INDEX), label)


def read_first_channel(path: str) -> np.ndarray:
    """Ids of the tutorial's masks: a grey mask's values, or the first channel of a colour mask.

    In a palette PNG the id is the index, as everywhere in this package; the tutorial would take the
    red of its colour.

    Raises:
        ValueError: The mask is black and white, or has more than 8 bits.
    """
    with images.open_image(path) as file:
        if file.mode not in ("L", "P", "RGB", "RGBA", "LA"):
            raise ValueError(
                f"label {path} has the mode {file.mode}; the tutorial's masks hold an id of 8 bits "
                "in their first channel. Save it as an 8-bit grey or RGB PNG."
            )
        label = np.asarray(images.pixels(file, path))
    return label if label.ndim == 2 else np.ascontiguousarray(label[..., 0])


def color_table(ids: dict[Color, int]) -> np.ndarray:
    """(64,) uint8: the id of each colour whose channels are multiples of 64, 254 if it has none."""
    table = np.full(64, _UNKNOWN, np.uint8)
    for color, index in ids.items():
        table[_code(np.array(color, np.uint8))] = index
    return table


def read_colors(path: str, table: np.ndarray) -> np.ndarray:
    """Ids of an original label, a picture in the colours of the palette.

    Args:
        path: Label file; transparency does not count.
        table: See `color_table`.

    Returns:
        (H, W) uint8.

    Raises:
        ValueError: A pixel has a colour that is not in the palette.
    """
    with images.open_image(path) as file:
        colors = np.asarray(images.pixels(file, path).convert("RGB"))
    label = table[_code(colors)]
    label[(colors % _STEP).any(-1)] = _UNKNOWN
    strange = label == _UNKNOWN
    if strange.any():
        y, x = np.argwhere(strange)[0].tolist()
        same = int((colors[strange] == colors[y, x]).all(-1).sum())
        raise ValueError(
            f"label {path} has the colour {tuple(colors[y, x].tolist())} at x {x}, y {y}, in "
            f"{same} pixels, which is not in CamVid's palette; {int(strange.sum())} of its "
            f"{strange.size} pixels have such colours. The original labels are PNGs of 32 colours: "
            "copy it again, for resizing with interpolation and JPEG make colours of their own."
        )
    return label


def _code(colors: np.ndarray) -> np.ndarray:
    """A number 0 … 63 for each colour (…, 3) uint8, by the two high bits of its channels."""
    high = colors // _STEP
    return high[..., 0] * 16 + high[..., 1] * 4 + high[..., 2]
