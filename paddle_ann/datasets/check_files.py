"""Checks of one image and its label: the files first, then every byte and every value."""

from __future__ import annotations

import os

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

_ONE_CHANNEL = ("1", "L", "P", "I", "I;16")
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height; OpenCV obeys them
_ORIENTATION_TAG = 0x0112
_TAIL = 4096


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
        ValueError: A file is empty, unreadable or truncated, the label has another size or several
            channels, or holds an id outside the range.
    """
    check_headers(image_path, label_path)
    decode(image_path)
    if label_path is None:
        return []
    warning = check_label(decode(label_path), label_path, num_classes, ignore_index)
    return [warning] if warning else []


def check_headers(image_path: str, label_path: str | None, plain_label: bool = True) -> None:
    """The cheap part of `check_pair`: both files exist, open, end properly and have one size.

    Args:
        image_path: Image file.
        label_path: Label file, or None.
        plain_label: False if the data set makes the ids from the label file in a way of its own (a
            colour table, an array file); then it only has to be there.
    """
    size, _ = _header(image_path, "image")
    if label_path is None:
        return
    if not plain_label:
        return _check_there(label_path, "label")
    label_size, mode = _header(label_path, "label")
    if mode not in _ONE_CHANNEL:
        raise ValueError(
            f"label {label_path} is a colour picture (mode {mode}); a label has one channel that "
            "holds class ids, as a grey or palette PNG. Convert the colours to class ids."
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
    outside = ((values < 0) | (values >= num_classes)) & (values != ignore_index)
    if outside.any():
        found = [f"{v} ({n} pixels)" for v, n in zip(values[outside][:8], counts[outside])]
        more = ", …" if outside.sum() > 8 else ""
        raise ValueError(
            f"label {name} holds {', '.join(found)}{more}; with num_classes {num_classes} the ids "
            f"must be 0 … {num_classes - 1}, or {ignore_index} for ignored pixels. Correct the "
            "label, or num_classes."
        )
    present = set(values.tolist())
    if present == {ignore_index}:
        return "all pixels are ignored"
    if present == {0, 255} and ignore_index == 255:
        return "only 0 and 255"
    return None


def decode(path: str) -> np.ndarray:
    """Reads every byte of an image file.

    Returns:
        The pixels as stored: (H, W) or (H, W, channels); palette indices for a palette image.

    Raises:
        ValueError: The file is damaged.
    """
    try:
        with Image.open(path) as file:
            if file.format == "PNG":
                file.verify()  # checks the sums of all chunks, and uses the file up
        with Image.open(path) as file:
            return np.asarray(file)
    except UnidentifiedImageError:
        return _decode_by_opencv(path)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged or truncated ({error}). Copy it again from its source."
        ) from None


def _decode_by_opencv(path: str) -> np.ndarray:
    pixels = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError(f"{path} cannot be read as an image. Replace it by a JPEG or PNG file.")
    return pixels


def _check_there(path: str, role: str) -> None:
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"{role} {path} is missing. Restore it, or take it out of the list; check dataset_root."
        )
    if os.path.getsize(path) == 0:
        raise ValueError(f"{role} {path} is empty (0 bytes). Copy it again from its source.")


def _header(path: str, role: str) -> tuple[tuple[int, int], str]:
    """Width and height as OpenCV will read them, and Pillow's mode."""
    _check_there(path, role)
    try:
        with Image.open(path) as file:
            kind, mode, (width, height) = file.format, file.mode, file.size
            if role == "image" and file.getexif().get(_ORIENTATION_TAG) in _TURNED:
                width, height = height, width
    except UnidentifiedImageError:
        pixels = _decode_by_opencv(path)
        return (pixels.shape[1], pixels.shape[0]), "L" if pixels.ndim == 2 else "RGB"
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f"{role} {path} is damaged ({error}). Copy it again from its source."
        ) from None
    end = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}.get(kind or "")
    if end and end not in _tail(path):
        decode(path)  # raises if it is truncated; some writers leave the end mark out
    return (width, height), mode


def _tail(path: str) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - _TAIL))
        return file.read()
