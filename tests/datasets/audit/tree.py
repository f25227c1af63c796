"""Small data sets for the tests of the audit: a list, images that differ, masks of all classes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from paddle_ann.datasets.audit.plan import Plan, from_list, voc_palette
from paddle_ann.datasets.audit.report import Report, check

SIZE = (37, 43)
CLASSES = 3


def picture(seed: int) -> np.ndarray:
    """An image that looks like no other."""
    cells = np.random.default_rng(seed).integers(0, 256, (7, 11, 3), np.uint8)
    large = Image.fromarray(cells).resize((SIZE[1], SIZE[0]), Image.Resampling.BICUBIC)
    return np.asarray(large)


def mask(seed: int, ids: tuple[int, ...] = (0, 1, 2, 255)) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array(ids, np.uint8), SIZE)


def save_mask(path: Path, array: np.ndarray) -> None:
    Image.fromarray(array).save(path)


def make(root: Path, train: int = 7, val: int = 3, **kwargs: tuple[int, ...]) -> Path:
    """Writes i.jpg, i.png, train.txt and val.txt."""
    root.mkdir(parents=True, exist_ok=True)
    for i in range(train + val):
        Image.fromarray(picture(i)).save(root / f"{i}.jpg", quality=95)
        save_mask(root / f"{i}.png", mask(i, **kwargs))
    for name, numbers in (("train", range(train)), ("val", range(train, train + val))):
        (root / f"{name}.txt").write_text("".join(f"{i}.jpg {i}.png\n" for i in numbers))
    return root


def plan(root: Path, num_classes: int = CLASSES) -> Plan:
    splits = [from_list(name, str(root / f"{name}.txt"), str(root)) for name in ("train", "val")]
    return Plan(splits, num_classes, source="--list x", palettes=(voc_palette(),))


def report(root: Path, num_workers: int = 0, **kwargs: int) -> Report:
    return check(plan(root, **kwargs), num_workers)


def kinds(found: Report) -> dict[str, list[str]]:
    """The names of the files of each finding."""
    return {f.kind: [Path(p.path).name for p in f.problems] for f in found.findings}


def content(root: Path) -> dict[str, tuple[bytes, int]]:
    """What is below a folder: to see that nothing changed."""
    return {
        str(p): (hashlib.sha256(p.read_bytes()).digest(), p.stat().st_mtime_ns)
        for p in root.rglob("*")
        if p.is_file()
    }
