"""Reading pictures and writing masks; without Pillow there are still `.npy` and palette PNG."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np


def check_image(rgb: Any) -> np.ndarray:
    """Return the array if it is an image (H, W, 3) uint8, else raise ValueError."""
    rule = "An image must be an array (H, W, 3) of uint8, RGB; received"
    if not isinstance(rgb, np.ndarray):
        raise ValueError(f"{rule} a {type(rgb).__name__}.")
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"{rule} {rgb.dtype} of shape {rgb.shape}.")
    if 0 in rgb.shape:
        raise ValueError(f"An image must have pixels; received the shape {rgb.shape}.")
    return rgb


def read_image(path: Path) -> np.ndarray:
    """Read an image as (H, W, 3) uint8 RGB, turned as its EXIF orientation says."""
    if path.suffix == ".npy":
        return check_image(np.load(path, allow_pickle=False))
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(f"{path}: reading images needs Pillow: pip install pillow") from error
    try:
        with Image.open(path) as file:
            return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged or huge picture can raise anything
        raise ValueError(f"{path} cannot be read as an image: {error}") from error


def write_png(path: Path, ids: np.ndarray, palette: np.ndarray) -> None:
    """Write class numbers (H, W), at most 256 classes, as a PNG with a palette."""
    if len(palette) > 256:
        raise ValueError(f"A PNG holds 256 classes; there are {len(palette)}. Use --npy.")
    height, width = ids.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each begins with its filter: none
    rows[:, 1:] = ids
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", palette.tobytes())]
    chunks += [(b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    with open(path, "xb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
