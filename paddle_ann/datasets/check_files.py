"""Checks of one image and its label: the files first, then every byte and every value."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from PIL import TiffImagePlugin

from paddle_ann.datasets import images, opencv
from paddle_ann.datasets.images import ImageError

ONE_CHANNEL = ("1", "L", "P", "I", "I;16", "I;16B")
_BOTH_READ = ("JPEG", "PNG", "WEBP")  # by Pillow and by OpenCV, whole files, but animated ones
_TAIL = 4096
_UNCHANGED = -1  # cv2.IMREAD_UNCHANGED


def check_pair(
    image_path: str, label_path: str | None, num_classes: int, ignore_index: int = 255
) -> list[str]:
    """Checks an image and its label completely: headers, every byte, label values.

    Args:
        image_path: Image file.
        label_path: Label file, one channel of class ids, or None where there is none.
        num_classes: Ids 0 … num_classes - 1 are allowed.
        ignore_index: The one further id that is allowed.

    Returns:
        Warnings about a label that can be read but is hardly meant so; usually empty.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is empty, unreadable, truncated or larger than the pixel limit
            (`images.pixel_limit`), the label has another size or several channels, or holds an id
            outside the range.
    """
    check_headers(image_path, label_path)
    decode(image_path)
    if label_path is None:
        return []
    warning = check_label(decode_label(label_path), label_path, num_classes, ignore_index)
    return [warning] if warning else []


def check_headers(image_path: str, label_path: str | None, plain_label: bool = True) -> None:
    """The cheap part of `check_pair`: both files exist, open, end properly and have one size.

    Args:
        image_path: Image file.
        label_path: Label file, or None.
        plain_label: False if the data set makes the ids from the label file in a way of its own (a
            colour table, an array file); then it only has to be there.
    """
    opencv.check_name(image_path, "image")
    size, _ = _header(image_path, "image")
    if label_path is None:
        return
    if not plain_label:
        return _check_there(label_path, "label")
    label_size, mode = _header(label_path, "label")
    if mode not in ONE_CHANNEL:
        raise ValueError(
            f"label {label_path} is a colour picture (mode {mode}); a label has one channel that "
            "holds class ids, as a grey or palette PNG. Convert the colours to class ids: "
            "tools/check_data.py shows how."
        )
    if size != label_size:
        raise ValueError(
            f"label {label_path} is {label_size[0]}x{label_size[1]} pixels (width x height), its "
            f"image {image_path} is {size[0]}x{size[1]}; they must be equal. Check that they "
            "belong together, and that none was resized or turned (EXIF orientation counts)."
        )


def check_label(
    label: np.ndarray, name: str, num_classes: int, ignore_index: int = 255
) -> str | None:
    """Checks the ids of a label.

    Args:
        label: Ids, any shape, integers.
        name: What to call it in messages.
        num_classes: Ids 0 … num_classes - 1 are allowed.
        ignore_index: The one further id that is allowed.

    Returns:
        None, or a warning: 'all pixels are ignored' or 'only 0 and 255'.

    Raises:
        ValueError: Another id occurs.
    """
    if label.dtype == np.uint8:
        counts = np.bincount(label.ravel(), minlength=256)
        values = np.flatnonzero(counts)
        counts = counts[values]
    else:
        values, counts = np.unique(label, return_counts=True)
    return judge(dict(zip(values.tolist(), counts.tolist())), name, num_classes, ignore_index)


def judge(
    counts: dict[int, int], name: str, num_classes: int, ignore_index: int = 255
) -> str | None:
    """`check_label` on the pixels of each id, where they have been counted already."""
    outside = outside_classes(counts, num_classes, ignore_index)
    if outside:
        found = [f"{v} ({counts[v]} pixels)" for v in outside[:8]]
        more = ", …" if len(outside) > 8 else ""
        raise ValueError(
            f"label {name} holds {', '.join(found)}{more}; with num_classes {num_classes} the ids "
            f"must be 0 … {num_classes - 1}, or {ignore_index} for ignored pixels. Correct the "
            "label, or num_classes."
        )
    present = set(counts)
    if present == {ignore_index}:
        return "all pixels are ignored"
    if present == {0, 255} and ignore_index == 255:
        return "only 0 and 255"
    return None


def outside_classes(values: Any, num_classes: int, ignore_index: int) -> list[int]:
    """Those of the values that are neither a class nor the ignored id, in order."""
    return sorted(v for v in values if not 0 <= v < num_classes and v != ignore_index)


def decode(path: str) -> np.ndarray:
    """Reads every byte of an image file.

    Returns:
        The pixels as stored: (H, W) or (H, W, channels); palette indices for a palette image.

    Raises:
        ValueError: The file is damaged, larger than the pixel limit, or one that Pillow reads and
            OpenCV, which PaddleSeg reads images by, does not.
    """
    try:
        pixels = decode_label(path)
    except ImageError as error:
        if error.kind != "unreadable":
            raise
        return decode_tiff(path, error)
    with images.open_image(path) as file:
        kind, animated = file.format, getattr(file, "is_animated", False)
    if (animated or kind not in _BOTH_READ) and not _opencv_reads(path):
        raise ImageError(
            "unreadable",
            f"{path} is {'an animated' if animated else 'a'} {kind} file that OpenCV, which "
            "PaddleSeg reads images by, cannot read. Save it as JPEG or PNG.",
        )
    return pixels


def _opencv_reads(path: str) -> bool:
    image = opencv.read(path)
    return image is not None and image.ndim == 3


def decode_label(path: str) -> np.ndarray:
    """`decode` by Pillow alone, as PaddleSeg reads labels."""
    images.check_sums(path)
    with images.open_image(path) as file:
        return np.asarray(images.pixels(file, path))


def decode_tiff(path: str, error: ImageError, max_pixels: int | None = None) -> np.ndarray:
    """Reads a TIFF that Pillow does not know (three channels of 16 bits, say) by OpenCV.

    Raises:
        ImageError: `error`, if it is no TIFF or OpenCV fails too; or it is too large.
    """
    size = _tiff_size(path)
    if size is None:
        raise error
    limit = images.pixel_limit(max_pixels)
    if size[0] * size[1] > limit:
        raise images.too_large(path, f"{size[0]}x{size[1]}", limit)
    pixels = opencv.read(path, _UNCHANGED)
    if pixels is None:
        raise error
    return pixels


def _tiff_size(path: str) -> tuple[int, int] | None:
    """Width and height by the tags of a TIFF, or None."""
    try:
        with open(path, "rb") as file:
            tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
            file.seek(tags.next)
            tags.load(file)
            return int(tags[TiffImagePlugin.IMAGEWIDTH]), int(tags[TiffImagePlugin.IMAGELENGTH])
    except Exception:  # not a TIFF, or not one to hand on
        return None


def _check_there(path: str, role: str) -> None:
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"{role} {path} is missing. Restore it, or take it out of the list; check dataset_root."
        )
    if os.path.getsize(path) == 0:
        raise ImageError("empty", f"{role} {path} is empty (0 bytes). Copy it again.")


def _header(path: str, role: str) -> tuple[tuple[int, int], str]:
    """Width and height as OpenCV will read them, and Pillow's mode."""
    _check_there(path, role)
    try:
        with images.open_image(path) as file:
            kind, mode = file.format, file.mode
            size = images.seen_size(file) if role == "image" else file.size
    except ImageError as error:
        if error.kind != "unreadable" or role == "label":
            raise ImageError(error.kind, f"{role} {error}") from None
        pixels = decode_tiff(path, error)
        return (pixels.shape[1], pixels.shape[0]), "L" if pixels.ndim == 2 else "RGB"
    end = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}.get(kind or "")
    if end and end not in _tail(path):
        decode(path)  # raises if it is truncated; some writers leave the end mark out
    return size, mode


def _tail(path: str) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - _TAIL))
        return file.read()
