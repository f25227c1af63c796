"""Reading image files by OpenCV, as PaddleSeg does, without the ways in which it ends a program."""

from __future__ import annotations

import os

import numpy as np

from paddle_ann.datasets.images import ImageError
from paddle_ann.paths import check_utf8


def check_name(path: str | os.PathLike[str], role: str = "The image") -> None:
    """Refuses a path of bytes that are no UTF-8: on such a one OpenCV ends the process.

    Args:
        path: What OpenCV is to read or to write.
        role: What to call it in the message.

    Raises:
        ImageError: 'unreadable', a ValueError that shows the path with its odd bytes escaped.
    """
    try:
        check_utf8(path, role, "OpenCV")
    except ValueError as error:
        raise ImageError("unreadable", str(error)) from None


def read(path: str, flag: int = 1) -> np.ndarray | None:
    """Reads an image by OpenCV, as PaddleSeg does.

    Args:
        path: Image file.
        flag: One of cv2.IMREAD_…; 1 is IMREAD_COLOR.

    Returns:
        (H, W, 3) in BGR order, or what the flag asks for; None if OpenCV cannot read the file.

    Raises:
        ImageError: See `check_name`.
    """
    import cv2

    check_name(path)
    try:
        return cv2.imread(path, flag)
    except cv2.error:  # it raises for an absurd size in the header only
        return None
