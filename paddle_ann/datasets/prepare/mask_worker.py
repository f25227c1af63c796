"""A process that turns SBD's .mat files into masks: `python mask_worker.py JOBS.json FIRST STEP`.

Run by its path and on its own, so it imports nothing of this package, nor Paddle. One line goes
to standard output for each mask: '' or what is wrong with it. A parent that was killed no longer
reads, so the next line ends this process too.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import loadmat

NUM_CLASSES = 21
LARGEST_MAT = 8 << 20  # bytes; SBD's have some ten thousand
MEMORY = 4 << 30  # bytes of address space, which a file that unpacks to more runs into


def read_mask(path: Path) -> np.ndarray:
    """Returns the class ids in an SBD file, (H, W) uint8 in [0, 20]; 0 is the background.

    SBD stores a structure GTcls with the field Segmentation. MATLAB's format 5 holds data alone;
    reading it runs no code.

    Raises:
        ValueError: The file is none of SBD's.
    """
    size = path.stat().st_size
    if size > LARGEST_MAT:
        raise ValueError(f"{path} has {size} bytes; SBD's files have at most {LARGEST_MAT}.")
    try:
        stored = loadmat(path, variable_names=["GTcls"])["GTcls"]["Segmentation"].item()
    except MemoryError:
        raise ValueError(f"{path} unpacks to more than {MEMORY} bytes.") from None
    except Exception as error:  # scipy raises whatever a damaged file leads it to
        raise ValueError(
            f"{path} holds no GTcls.Segmentation ({type(error).__name__}: {error})."
        ) from None
    if not isinstance(stored, np.ndarray) or stored.ndim != 2 or stored.dtype.kind not in "ui":
        raise ValueError(f"{path}: GTcls.Segmentation is no matrix of integers.")
    if stored.size == 0 or stored.min() < 0 or stored.max() >= NUM_CLASSES:
        raise ValueError(f"{path}: the class ids are not all from 0 to {NUM_CLASSES - 1}.")
    return stored.astype(np.uint8)


def convert(mat: Path, picture: Path, mask: Path, part: Path, palette: list[int] | None) -> None:
    """Writes the mask of a picture as PNG; one that is there and whole stays.

    Args:
        mat: SBD's file.
        picture: The picture, whose size the mask must have.
        mask: File to write.
        part: Where to write it before it gets its name, on the same disk.
        palette: RGB triples in a row for a palette image, None for a grey one.

    Raises:
        ValueError: The file is none of SBD's, or of another size than the picture.
    """
    if mask.is_file() and is_whole_png(mask):
        return
    ids = read_mask(mat)
    with Image.open(picture) as image:
        size = image.size
    if ids.shape[::-1] != size:
        raise ValueError(
            f"{mat} is {ids.shape[1]}x{ids.shape[0]} pixels (width x height), {picture} "
            f"{size[0]}x{size[1]}; they must be equal."
        )
    labels = Image.fromarray(ids)
    if palette is not None:
        labels.putpalette(palette)
    labels.save(part, "PNG")
    os.replace(part, mask)


def is_whole_png(path: Path) -> bool:
    """Whether a file begins and ends as a PNG: not so after a power cut before it was written."""
    content = path.read_bytes()
    return content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")


def work(jobs: dict[str, Any], first: int, step: int) -> None:
    """Converts every `step`-th job from `first` on and prints a line for each."""
    part = Path(jobs["parts"]) / f"{first}.{os.getpid()}.png"
    for name in jobs["names"][first::step]:
        try:
            convert(
                Path(jobs["mats"], f"{name}.mat"),
                Path(jobs["pictures"], f"{name}.jpg"),
                Path(jobs["masks"], f"{name}.png"),
                part,
                jobs["palette"],
            )
            fault = ""
        except (ValueError, OSError, MemoryError, Image.DecompressionBombError) as error:
            fault = " ".join(str(error).split()) or f"{name}: {type(error).__name__}"
        os.write(1, (fault[:500] + "\n").encode())  # one piece, as the pipe is shared


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with open(sys.argv[1], encoding="utf-8") as file:
        given = json.load(file)
    try:
        work(given, int(sys.argv[2]), int(sys.argv[3]))
    except BrokenPipeError:
        sys.exit(1)
