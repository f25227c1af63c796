"""Small folders in each of CamVid's layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from paddle_ann.datasets.camvid.classes import ORIGINAL

# 2 to train on, 1 to validate, 2 to test.
FRAMES = ("0001TP_006690", "0016E5_08190", "0016E5_07959", "0001TP_008550", "Seq05VD_f00000")
IDS = np.arange(32).reshape(4, 8).repeat(2, axis=0)  # (8, 8), each of the original ids twice


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)


def original(root: Path, frames: tuple[str, ...] = FRAMES) -> Path:
    colors = np.array(ORIGINAL.palette)[IDS]
    for number, frame in enumerate(frames):
        save(root / f"701_StillsRaw_full/{frame}.png", np.full((8, 8, 3), 7 * number))
        save(root / f"LabeledApproved_full/{frame}_L.png", colors)
    return root


def tutorial(root: Path, ids: np.ndarray = IDS, counts: tuple[int, int] = (3, 2)) -> Path:
    for split, count in zip(("train", "valid"), counts):
        for index in range(count):
            save(root / f"{split}_images/{index}.png", np.full((*ids.shape, 3), 7 * index))
            save(root / f"{split}_labels/{index}.png", ids)
    return root


def segnet(root: Path, label: np.ndarray, counts: tuple[int, int, int] = (3, 2, 1)) -> Path:
    for split, count in zip(("train", "val", "test"), counts):
        lines = []
        for index in range(count):
            name = f"{split}/{index}.png", f"{split}annot/{index}.png"
            save(root / name[0], np.full((*label.shape, 3), 40 * index))
            save(root / name[1], label)
            lines.append(" ".join(name))
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return root
