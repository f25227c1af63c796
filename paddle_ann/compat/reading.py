"""Reading an image and its mask: what is wrong with a file is said, with the file's name."""

from __future__ import annotations

import functools
import os
from typing import Any

import cv2
import numpy as np

from paddle_ann.compat.fix import Fix, Patches, module
from paddle_ann.datasets import opencv
from paddle_ann.datasets.images import ImageError


def read_image(path: str, flag: int) -> np.ndarray:
    """Read an image as PaddleSeg does, by cv2.imread.

    OpenCV decodes what a file claims, up to 2^30 pixels; `check_headers`, which runs before,
    holds the header against the lower limit of `paddle_ann.datasets.images`.

    Args:
        path: Image file.
        flag: cv2.IMREAD_COLOR or cv2.IMREAD_GRAYSCALE.

    Returns:
        float32 array [H, W, 3] in BGR order, or [H, W].

    Raises:
        ValueError: If it cannot be decoded.
    """
    from paddle_ann.datasets.check_files import decode

    image = opencv.read(path, flag)
    if image is None:
        decode(path)  # says what is wrong, if Pillow finds it too
        raise ValueError(f"OpenCV cannot read the image {path}. Replace it by a JPEG or PNG file.")
    if flag == cv2.IMREAD_COLOR and image.ndim != 3:  # a PFM, which holds floats
        raise ValueError(f"The image {path} is read as no colours. Save it as JPEG or PNG.")
    return image.astype("float32")


def read_label(path: str) -> np.ndarray:
    """Read a mask of class ids as an integer array [H, W].

    A mask of 16 bits becomes int32: Paddle takes numpy's uint16 for bfloat16, and every id for 0.

    Raises:
        ValueError: If the file is damaged, or larger than the pixel limit.
    """
    from paddle_ann.datasets.check_files import decode_label

    label = decode_label(path)
    wider = {"bool": "uint8", "uint16": "int32"}
    return label.astype(wider.get(label.dtype.name, label.dtype), copy=False)


def _check_files(image_path: str, label_path: str | None, multi_label: bool) -> None:
    from paddle_ann.datasets.check_files import check_headers, decode, decode_label

    try:
        check_headers(image_path, label_path)
    except ValueError:
        if not (
            multi_label and label_path and _is_stack(decode(image_path), decode_label(label_path))
        ):
            raise


def _is_stack(image: np.ndarray, label: np.ndarray) -> bool:
    """True for several masks side by side or on top of each other, PaddleSeg 2.10's multi-label."""
    (h, w), size = image.shape[:2], label.shape
    return len(size) == 2 and (
        (size[1] == w and size[0] % h == 0) or (size[0] == h and size[1] % w == 0)
    )


def _reading_compose(original: Any, multi_label: bool) -> Any:
    @functools.wraps(original)
    def call(self: Any, data: dict[str, Any]) -> dict[str, Any]:
        image, label = (data.get(key) for key in ("img", "label"))
        if isinstance(image, str):
            _check_files(image, label if isinstance(label, str) else None, multi_label)
            data["img"] = read_image(image, self.read_flag)
        if isinstance(label, str):
            data["label"] = read_label(label)
        return original(self, data)

    return call


def _bites() -> bool:
    try:
        module("paddleseg.transforms.transforms").Compose([])({"img": os.devnull})
    except ImageError:
        return False
    except Exception:  # 2.10's ValueError names the file, and it checks no more
        return True
    return True


def _patch(patches: Patches) -> None:
    transforms = module("paddleseg.transforms.transforms")
    multi_label = hasattr(transforms, "AddMultiLabelAuxiliaryCategory")
    call = _reading_compose(transforms.Compose.__call__, multi_label)
    patches.set(transforms.Compose, "__call__", call)


FIXES = (
    Fix(
        "reading-errors",
        "a missing or damaged image is `'NoneType' object has no attribute 'astype'` without a "
        "name; a JPEG that is cut short trains as half grey; an RGB mask or a mask of another size "
        "fails later, or not at all; in a 16-bit mask every id is 0",
        "transforms.Compose reads with cv2.imread and PIL and checks neither result "
        "(C11, C12, C13, C14)",
        "paddleseg 2.8.0; 2.10 names an unreadable image, and reshapes masks of another size",
        _bites,
        _patch,
    ),
)
