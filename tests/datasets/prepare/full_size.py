"""Measures prepare_voc on generated archives with VOC's and SBD's counts and sizes.

`python tests/datasets/prepare/full_size.py FOLDER` writes 3.4 GB of archives (once) and 2.3 GB of
data below FOLDER, which is not removed, and prints the seconds of a first and of a second run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import platform
import shutil
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import PIL
import scipy

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from paddle_ann.datasets import toy_voc  # noqa: E402
from paddle_ann.datasets.prepare import SBD, VOC2012, prepare_voc  # noqa: E402
from tests.datasets.prepare.conftest import mat, png  # noqa: E402

IDS = [f"{2007 + n // 3000}_{n:06d}" for n in range(17125)]
TRAIN, VAL, AUG = IDS[:1464], IDS[1464:2913], IDS[2913 : 2913 + 9118]
BOTH = [*AUG, *IDS[: 11355 - 9118]]


def blobs(random: np.random.Generator) -> np.ndarray:
    """Class ids (375, 500) uint8: four discs."""
    ids = np.zeros((375, 500), np.uint8)
    rows, columns = np.ogrid[:375, :500]
    for _ in range(4):
        y, x, radius = random.integers(0, 375), random.integers(0, 500), random.integers(20, 120)
        ids[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = random.integers(1, 21)
    return ids


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def write_archives(folder: Path) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (280, 380, 3), np.uint8)
    picture = toy_voc.jpeg(np.pad(noise, ((0, 95), (0, 120), (0, 0))))
    masks = [blobs(random) for _ in range(53)]
    pngs, mats = [png(ids) for ids in masks], [mat(ids) for ids in masks]
    with tarfile.open(folder / VOC2012.name, "w") as tar:
        for name in IDS:
            add(tar, f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg", picture)
            add(tar, f"VOCdevkit/VOC2012/Annotations/{name}.xml", b"<annotation/>" * 50)
        for index, name in enumerate(TRAIN + VAL):
            for kind in ("Class", "Object"):
                add(tar, f"VOCdevkit/VOC2012/Segmentation{kind}/{name}.png", pngs[index % 53])
        for split, names in (("train", TRAIN), ("val", VAL), ("trainval", TRAIN + VAL)):
            text = "\n".join(names).encode()
            add(tar, f"VOCdevkit/VOC2012/ImageSets/Segmentation/{split}.txt", text)
    with tarfile.open(folder / SBD.name, "w:gz", compresslevel=1) as tar:
        for index, name in enumerate(BOTH):
            add(tar, f"benchmark_RELEASE/dataset/cls/{name}.mat", mats[index % 53])
            add(tar, f"benchmark_RELEASE/dataset/img/{name}.jpg", picture)
        for split, names in (("train", BOTH[:8498]), ("val", BOTH[8498:])):
            add(tar, f"benchmark_RELEASE/dataset/{split}.txt", "\n".join(names).encode())


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / SBD.name).exists():
        write_archives(folder)
    paths = [folder / archive.name for archive in (VOC2012, SBD)]
    sums = []
    for path in paths:
        with open(path, "rb") as file:
            digest = hashlib.md5()
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            sums.append(digest.hexdigest())
    voc, sbd = (dataclasses.replace(a, md5=s) for a, s in zip((VOC2012, SBD), sums))
    shutil.rmtree(folder / "data", ignore_errors=True)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        prepare_voc(
            folder / "data", voc=voc, sbd=sbd, voc_archive=paths[0], sbd_archive=paths[1], workers=2
        )
        seconds.append(f"{time.perf_counter() - start:.1f} s")
    print(f"{', '.join(f'{path.stat().st_size / 1e9:.2f} GB' for path in paths)}; 2 processes")
    load = os.getloadavg()[0]
    print(f"first run {seconds[0]}, second run {seconds[1]}; load at the end {load:.1f}")
    print(
        f"{time.strftime('%Y-%m-%d')}, {platform.platform()}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, Pillow {PIL.__version__}, scipy {scipy.__version__}"
    )


if __name__ == "__main__":
    main()
