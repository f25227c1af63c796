"""Maps of a model's work as pictures: classes, errors, confidence, and which of two is right."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from paddle_ann.datasets.images import ImageError, read_untrusted

IGNORED = (224, 224, 224)
WRONG = (230, 30, 30)
# Which of two is right, told apart with any kind of colour vision (Okabe and Ito's blue, orange).
WHICH = {
    "both right": (232, 232, 232),
    "only A right": (0, 114, 178),
    "only B right": (230, 159, 0),
    "both wrong": (70, 70, 70),
}
_SHARE = 0.7  # of the colour where a pixel is wrong


def colored(ids: np.ndarray, palette: np.ndarray, ignored: np.ndarray | None = None) -> np.ndarray:
    """Paint classes in their colours.

    Args:
        ids: integers [h, w].
        palette: uint8 [C, 3].
        ignored: bool [h, w], painted light grey; ids beyond the palette are as well.

    Returns:
        uint8 [h, w, 3].
    """
    colors = np.vstack([palette, [IGNORED]]).astype(np.uint8)
    outside = (ids < 0) | (ids >= len(palette))
    if ignored is not None:
        outside |= ignored
    return colors[np.where(outside, len(palette), ids)]


def errors(rgb: np.ndarray, wrong: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Paint wrong pixels red over the image in grey; ignored ones are dark.

    Args:
        rgb: uint8 [h, w, 3].
        wrong: bool [h, w].
        ignored: bool [h, w].

    Returns:
        uint8 [h, w, 3].
    """
    grey = np.repeat(rgb.mean(2, keepdims=True) * 0.6 + 90, 3, axis=2)
    mixed = np.where(wrong[..., None], grey * (1 - _SHARE) + np.array(WRONG) * _SHARE, grey)
    return np.where(ignored[..., None], grey * 0.35, mixed).astype(np.uint8)


def scale_colors() -> np.ndarray:
    """Return matplotlib's viridis, which is read alike in grey and by all eyes: uint8 [256, 3]."""
    from matplotlib import colormaps

    return (colormaps["viridis"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def confidence(shares: np.ndarray) -> np.ndarray:
    """Paint probabilities [h, w], from 0 (dark) to 1 (yellow): uint8 [h, w, 3]."""
    return scale_colors()[np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)]


def which(right_a: np.ndarray, right_b: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Paint which of two predictions is right, in the colours of `WHICH`; ignored pixels white.

    Args:
        right_a: bool [h, w].
        right_b: bool [h, w].
        ignored: bool [h, w].

    Returns:
        uint8 [h, w, 3].
    """
    kinds = np.where(right_a, np.where(right_b, 0, 1), np.where(right_b, 2, 3))
    colors = np.array([*WHICH.values(), (255, 255, 255)], np.uint8)
    return colors[np.where(ignored, len(WHICH), kinds)]


def shrink(picture: np.ndarray, side: int, smooth: bool) -> np.ndarray:
    """Make a picture [h, w, ...] smaller, so that no side is longer than `side` pixels.

    Args:
        picture: uint8, uint16 or float32.
        side: in pixels.
        smooth: average pixels; else the nearest is taken, as classes need it.
    """
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smooth else cv2.INTER_NEAREST)


def data_url(picture: np.ndarray, photo: bool) -> str:
    """Encode a picture uint8 [h, w, 3] for a page: JPEG for photographs, else a PNG."""
    buffer = io.BytesIO()
    image = Image.fromarray(picture)
    if photo:
        image.save(buffer, "JPEG", quality=80)
    else:
        image.quantize(256).save(buffer, "PNG", optimize=True)
    kind = "jpeg" if photo else "png"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def image_of(dataset: Any, index: int) -> np.ndarray:
    """Return an image of a data set, uint8 [H, W, 3] RGB.

    Where there is no file that can be read safely, it is what the network gets, in grey.
    """
    files: Sequence[Any] | None = getattr(dataset, "file_list", None)
    if files is not None:
        with contextlib.suppress(ImageError):  # too large for Pillow's limit, say
            return read_untrusted(file_of(files[index]))
    pixels = np.asarray(dataset[index]["img"], np.float32).mean(0)
    low, high = float(pixels.min()), float(pixels.max())
    grey = (pixels - low) / max(high - low, 1e-6) * 255
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def file_of(entry: Any) -> str:
    """Return the image's path in an entry of PaddleSeg's `file_list`: [image, label], or a path."""
    return str(entry if isinstance(entry, (str, Path)) else entry[0])


def image_names(dataset: Any) -> list[str]:
    """Name the images of a data set: paths below its root, or their numbers."""
    files = getattr(dataset, "file_list", None)
    if files is None:
        return [f"#{index}" for index in range(len(dataset))]
    root = getattr(dataset, "dataset_root", None)
    return [_below(Path(file_of(entry)), root) for entry in files]


def _below(path: Path, root: str | None) -> str:
    if root is not None:
        with contextlib.suppress(ValueError, OSError):
            path = path.resolve().relative_to(Path(root).resolve())
    return path.as_posix().encode("utf-8", "backslashreplace").decode()
