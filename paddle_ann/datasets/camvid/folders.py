"""The samples of CamVid in folders without lists: the original layout, and the tutorial's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from paddleseg.utils import logger

ORIGINAL_FOLDERS = ("701_StillsRaw_full", "LabeledApproved_full")
TUTORIAL_FOLDERS = {
    "train": ("train_images", "train_labels"),
    "val": ("valid_images", "valid_labels"),
    "test": ("test_images", "test_labels"),
}
PUBLISHED = {"train": 367, "val": 101, "test": 233}
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_FRAME = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_f?(\d+)")


def split_of(frame: str) -> str | None:
    """The published split of a frame of the original data set, e.g. '0016E5_07959'.

    SegNet's lists put whole stretches of the four sequences into one split: for all 701 frames
    they follow from this rule.

    Returns:
        'train', 'val' or 'test'; None if it is the name of no frame.
    """
    match = _FRAME.fullmatch(frame)
    if match is None:
        return None
    sequence, number = match[1], int(match[2])
    if sequence == "0016E5":
        return "val" if 7959 <= number <= 8159 else "train"  # the frames taken 15 a second
    if sequence == "0001TP":
        return "train" if number < 8550 else "test"
    return "train" if sequence == "0006R0" else "test"


def original_pairs(root: Path, mode: str, require_files: bool) -> list[list[str]]:
    """Image and label paths of a published split of the original data set.

    Args:
        root: Folder with 701_StillsRaw_full (0001TP_006690.png, …) and LabeledApproved_full
            (0001TP_006690_L.png, …).
        mode: 'train', 'val', 'test' or 'trainval'.
        require_files: Whether each image must have its label.

    Raises:
        FileNotFoundError: A folder or a label is missing, or the split has no image.
        ValueError: An image is not named as CamVid's frames are.
    """
    images, labels = (_folder(root / name) for name in ORIGINAL_FOLDERS)
    splits = {"train", "val"} if mode == "trainval" else {mode}

    def chosen(image: Path) -> bool:
        split = split_of(image.stem)
        if split is None:
            raise ValueError(
                f"{image} is none of CamVid's frames, which are named as 0001TP_006690, "
                "0006R0_f00930, 0016E5_00390 or Seq05VD_f00000, so its split is not known. Move it "
                "elsewhere."
            )
        return split in splits

    found = _pairs(images, labels, lambda stem: f"{stem}_L", require_files, chosen)
    published = sum(PUBLISHED[split] for split in splits)
    if len(found) != published:
        logger.warning(
            f"CamVid in {root}, {mode}: {len(found)} of the {published} published images are there."
        )
    return found


def tutorial_pairs(root: Path, mode: str, require_files: bool) -> list[list[str]]:
    """Image and mask paths of the tutorial's layout, in which both have one name.

    Args:
        root: Folder with train_images, train_labels, valid_images, valid_labels and, for the mode
            'test', test_images and test_labels.
        mode: 'train', 'val', 'test' or 'trainval'.
        require_files: Whether each image must have its mask.

    Raises:
        FileNotFoundError: A folder or a mask is missing, or there is no image.
    """
    found = []
    for split in ("train", "val") if mode == "trainval" else (mode,):
        images, labels = (_folder(root / name) for name in TUTORIAL_FOLDERS[split])
        found += _pairs(images, labels, lambda stem: stem, require_files)
    return found


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise FileNotFoundError(
            f"{path} is no folder, but CamVid in this layout has one of that name beside the "
            "others. Restore it, or check dataset_root."
        )
    return path


def _pairs(
    images: Path,
    labels: Path,
    name: Callable[[str], str],
    require_files: bool,
    chosen: Callable[[Path], bool] = lambda image: True,
) -> list[list[str]]:
    """The chosen images, by name, each with the label whose name follows from its own."""
    files = {path.stem: path for path in sorted(labels.iterdir()) if _is_image(path)}
    pairs = []
    for image in sorted(filter(_is_image, images.iterdir())):
        if not chosen(image):
            continue
        label = files.get(name(image.stem), labels / f"{name(image.stem)}.png")
        if require_files and not label.is_file():
            raise FileNotFoundError(
                f"{label} is missing, the label of {image}. Restore the file, or move the image "
                "elsewhere."
            )
        pairs.append([str(image), str(label)])
    if not pairs:
        raise FileNotFoundError(
            f"{images} holds no image of this split. Copy the images there, or check dataset_root "
            "and mode."
        )
    return pairs


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")
