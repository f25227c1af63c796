"""Names of the classes of data sets that PaddleSeg has without them, by its class of the data set.

Pascal VOC 2012: the development kit's list, with the background first. Cityscapes: the 19 classes
that are evaluated, by trainId. ADE20K (150) and Pascal Context (60) keep their numbers.
"""

from __future__ import annotations

CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "PascalVOC": (
        *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat"),
        *("chair", "cow", "dining table", "dog", "horse", "motorbike", "person"),
        *("potted plant", "sheep", "sofa", "train", "tv monitor"),
    ),
    "Cityscapes": (
        *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light"),
        *("traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck"),
        *("bus", "train", "motorcycle", "bicycle"),
    ),
}
