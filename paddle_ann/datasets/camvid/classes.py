"""CamVid's classes: the 32 of its original labels, SegNet's 11, and which of them go together.

Names and colours of the 32 are those of `label_colors.txt`, which comes with the original labels,
in its order. The grouping into 11 is the one that MathWorks publishes with its SegNet example as
"the original SegNet training methodology" (`camvidPixelLabelIDs`). SegNet's authors publish labels
of 11 classes and not how they made them, and other groupings are in use.
"""

from __future__ import annotations

from typing import NamedTuple

Color = tuple[int, int, int]

VOID = "Void"

# Name, colour, and SegNet's class for it.
_ORIGINAL: tuple[tuple[str, Color, str | None], ...] = (
    ("Animal", (64, 128, 64), "pedestrian"),
    ("Archway", (192, 0, 128), "building"),
    ("Bicyclist", (0, 128, 192), "bicyclist"),
    ("Bridge", (0, 128, 64), "building"),
    ("Building", (128, 0, 0), "building"),
    ("Car", (64, 0, 128), "car"),
    ("CartLuggagePram", (64, 0, 192), "pedestrian"),
    ("Child", (192, 128, 64), "pedestrian"),
    ("Column_Pole", (192, 192, 128), "pole"),
    ("Fence", (64, 64, 128), "fence"),
    ("LaneMkgsDriv", (128, 0, 192), "road"),
    ("LaneMkgsNonDriv", (192, 0, 64), "road"),
    ("Misc_Text", (128, 128, 64), "sign symbol"),
    ("MotorcycleScooter", (192, 0, 192), "bicyclist"),
    ("OtherMoving", (128, 64, 64), "car"),
    ("ParkingBlock", (64, 192, 128), "pavement"),
    ("Pedestrian", (64, 64, 0), "pedestrian"),
    ("Road", (128, 64, 128), "road"),
    ("RoadShoulder", (128, 128, 192), "pavement"),
    ("Sidewalk", (0, 0, 192), "pavement"),
    ("SignSymbol", (192, 128, 128), "sign symbol"),
    ("Sky", (128, 128, 128), "sky"),
    ("SUVPickupTruck", (64, 128, 192), "car"),
    ("TrafficCone", (0, 0, 64), "pole"),
    ("TrafficLight", (0, 64, 64), "sign symbol"),
    ("Train", (192, 64, 128), "car"),
    ("Tree", (128, 128, 0), "tree"),
    ("Truck_Bus", (192, 128, 192), "car"),
    ("Tunnel", (64, 0, 64), "building"),
    ("VegetationMisc", (192, 192, 0), "tree"),
    (VOID, (0, 0, 0), None),
    ("Wall", (64, 192, 0), "building"),
)


class Classes(NamedTuple):
    """The classes of a labelling: names and colours (R, G, B) by id."""

    names: tuple[str, ...]
    palette: tuple[Color, ...]


SEGNET = Classes(
    (
        *("sky", "building", "pole", "road", "pavement", "tree"),
        *("sign symbol", "fence", "car", "pedestrian", "bicyclist"),
    ),
    (
        *((128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128)),
        *((60, 40, 222), (128, 128, 0), (192, 128, 128), (64, 64, 128)),
        *((64, 0, 128), (64, 64, 0), (0, 128, 192)),
    ),
)
ORIGINAL = Classes(
    tuple(name for name, _, _ in _ORIGINAL), tuple(color for _, color, _ in _ORIGINAL)
)
# The tutorial trains 33 classes and names none. Its first 32 are called by the order of
# label_colors.txt, by which fastai's copy of CamVid, whose masks hold ids, numbers them.
TUTORIAL = Classes((*ORIGINAL.names, "class 32"), (*ORIGINAL.palette, (255, 255, 255)))

BY_COUNT = {len(kind.names): kind for kind in (SEGNET, ORIGINAL, TUTORIAL)}


def color_ids(count: int, ignore_index: int) -> dict[Color, int]:
    """The id of each colour of the original labels.

    Args:
        count: 32 for the ids of `label_colors.txt`, of which Void's (30) stays unused; 11 for
            SegNet's.
        ignore_index: The id of Void.
    """
    if count == len(ORIGINAL.names):
        ids = {name: index for index, name in enumerate(ORIGINAL.names)}
    else:
        ids = {name: SEGNET.names.index(group) for name, _, group in _ORIGINAL if group}
    ids[VOID] = ignore_index
    return {color: ids[name] for name, color, _ in _ORIGINAL}
