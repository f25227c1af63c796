"""One image and its mask, looked at once: every byte read, every value counted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import IO, NamedTuple

import numpy as np
from PIL import Image

from paddle_ann.datasets import images, opencv
from paddle_ann.datasets.audit.duplicates import look
from paddle_ann.datasets.check_files import ONE_CHANNEL, decode_tiff
from paddle_ann.datasets.images import ImageError

MANY_COLORS = 1024
_DRAFT = (136, 128)  # JPEGs are decoded at the smallest eighth not below this; enough to look at
_LOSSY = ("JPEG", "MPO")
_DEEP = ("I", "F")


class Facts(NamedTuple):
    """What there is to know of a sample; small, for it travels between processes.

    Attributes:
        problems: (kind, 'image' or 'mask', details) of what is wrong with the files themselves.
        image_digest: Of the image file's bytes, b"" if unknown.
        mask_digest: Of the mask file's bytes, b"" if unknown.
        look: See `duplicates.look`, b"" if unknown.
        values: Pixels of each mask value, as stored.
        colors: Pixels of each colour of a colour mask.
    """

    problems: tuple[tuple[str, str, str], ...] = ()
    image_digest: bytes = b""
    mask_digest: bytes = b""
    look: bytes = b""
    values: dict[int, int] = {}
    colors: dict[tuple[int, int, int], int] = {}


def examine(image_path: str, mask_path: str | None, max_pixels: int | None = None) -> Facts:
    """Looks at a sample; whatever the files hold, that is the result and no error.

    A JPEG is decoded at an eighth of its size or so: all its data are read and a cut is met just as
    at full size, for half the time. A PNG's check sums are verified.

    Args:
        image_path: Image file.
        mask_path: Mask file, or None.
        max_pixels: See `images.pixel_limit`.
    """
    problems: list[tuple[str, str, str]] = []

    def guarded(role: str, path: str, task: Callable[[str, int | None], tuple]) -> tuple:
        try:
            if not os.path.isfile(path):
                raise FileNotFoundError(f"{path} is missing")
            return task(path, max_pixels)
        except FileNotFoundError as error:
            problems.append(("missing", role, str(error)))
        except ImageError as error:
            problems.append((error.kind, role, str(error)))
        return ()

    size, image_digest, seen, reduced = guarded("image", image_path, _image) or ((), b"", b"", "")
    if reduced:
        problems.append(("reduced-image", "image", reduced))
    if mask_path is None:
        return Facts(tuple(problems), image_digest, b"", seen)
    mask = guarded("mask", mask_path, _mask)
    if not mask:
        return Facts(tuple(problems), image_digest, b"", seen)
    mask_size, mask_digest, values, colors, wrong = mask
    problems += [(kind, "mask", detail) for kind, detail in wrong]
    if size and mask_size != size:
        detail = f"{mask_size[0]}x{mask_size[1]} pixels, its image {size[0]}x{size[1]}"
        problems.append(("size-mismatch", "mask", detail))
    return Facts(tuple(problems), image_digest, mask_digest, seen, values, colors)


def digest(file: IO[bytes]) -> bytes:
    """16 bytes that stand for a file's content; the file is rewound."""
    summary = hashlib.blake2b(digest_size=16)
    while block := file.read(1 << 20):
        summary.update(block)
    file.seek(0)
    return summary.digest()


def _image(path: str, max_pixels: int | None) -> tuple[tuple[int, int], bytes, bytes, str]:
    """Size as OpenCV will see it, digest, look, and what is lost in reading."""
    opencv.check_name(path)
    with open(path, "rb") as file:
        content = digest(file)
        try:
            images.check_sums(path, max_pixels)
            with images.open_image(file, max_pixels) as image:
                if image.format == "GIF":
                    message = f"{path} is a GIF, which PaddleSeg's OpenCV cannot read as an image."
                    raise ImageError("unreadable", message)
                size = image.size
                image.draft("L", _DRAFT)
                images.pixels(image, path)
                if images.seen_size(image) != image.size:
                    size = size[::-1]
                return size, content, look(_grey(image)), _reduced(image.mode)
        except ImageError as error:
            if error.kind != "unreadable":
                raise
            array = decode_tiff(path, error, max_pixels)
    grey = _spread(array if array.ndim == 2 else array.mean(2))
    lost = f"values of {array.dtype}: read as 8 bits" if array.dtype != np.uint8 else ""
    return grey.size, content, look(grey), lost


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith(_DEEP):
        return _spread(np.asarray(image))
    return image.convert("L")


def _spread(values: np.ndarray) -> Image.Image:
    """Values of any range (H, W) as grey from black to white."""
    finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    scale = 255 / (high - low) if high > low else 0.0
    return Image.fromarray(((finite - low) * scale).astype(np.uint8))


def _reduced(mode: str) -> str:
    if mode.startswith(_DEEP):
        return f"mode {mode}: read as 8 bits"
    return f"mode {mode}: transparency is dropped" if mode in ("RGBA", "LA", "PA") else ""


Mask = tuple[tuple[int, int], bytes, dict, dict, list]


def _mask(path: str, max_pixels: int | None) -> Mask:
    """Size, digest, pixels by value, pixels by colour, and what is wrong with the mode."""
    with open(path, "rb") as file:
        content = digest(file)
        images.check_sums(path, max_pixels)
        with images.open_image(file, max_pixels) as mask:
            wrong = []
            if mask.format in _LOSSY:
                wrong.append(("lossy-mask", f"{mask.format}"))
            images.pixels(mask, path)
            if mask.mode == "F":
                return mask.size, content, {}, {}, [*wrong, ("float-mask", "mode F")]
            if mask.mode in ONE_CHANNEL:
                if mask.mode.startswith("I"):
                    wrong.append(("16-bit-mask", f"mode {mask.mode}"))
                return mask.size, content, count_values(mask), {}, wrong
            colors = count_colors(mask)
            many = "" if colors else f", more than {MANY_COLORS} colours"
            wrong.append(("colour-mask", f"mode {mask.mode}{many}"))
            return mask.size, content, {}, colors, wrong


def count_values(mask: Image.Image) -> dict[int, int]:
    """Pixels of each value of a mask of one channel; black and white are 0 and 1."""
    if mask.mode.startswith("I"):
        values, counts = np.unique(np.asarray(mask), return_counts=True)
        return dict(zip(values.tolist(), counts.tolist()))
    step = 255 if mask.mode == "1" else 1
    return {v // step: n for v, n in enumerate(mask.histogram()) if n}


def count_colors(mask: Image.Image) -> dict[tuple[int, int, int], int]:
    """Pixels of each colour, without regard to transparency; empty if there are too many."""
    found = mask.convert("RGB").getcolors(MANY_COLORS)
    return {color: count for count, color in found or ()}  # type: ignore[misc]
