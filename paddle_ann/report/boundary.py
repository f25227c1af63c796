"""Boundary IoU: how well a prediction follows the contours of the label.

Cheng, Girshick, Dollár, Berg, Kirillov: Boundary IoU: Improving Object-Centric Image Segmentation
Evaluation (CVPR 2021), section 3. The paper compares the pixels of two masks that lie within a
distance d of their own contours; d is 2 % of the image's diagonal. The edge of the image counts as
a contour, as in the authors' code, and distance is that of their 3x3 erosions: Chebyshev's.
"""

from __future__ import annotations

import cv2
import numpy as np

RATIO = 0.02  # the paper's, for whole images


def width(height: int, breadth: int, ratio: float = RATIO) -> int:
    """Return d in pixels, at least 1.

    Args:
        height: of the image, in pixels.
        breadth: of the image, in pixels.
        ratio: share of the diagonal.
    """
    return max(1, round(ratio * float(np.hypot(height, breadth))))


def near_contour(ids: np.ndarray, valid: np.ndarray, distance: int) -> np.ndarray:
    """Find the pixels that have another class, or the image's edge, within a distance.

    One pass for all classes: a window holds one class alone where its least is its greatest.

    Args:
        ids: class of each pixel, integers [h, w] of at least 0 where valid.
        valid: whether a pixel counts, bool [h, w]; what does not is no other class.
        distance: in pixels, by Chebyshev.

    Returns:
        bool [h, w]; of pixels that do not count it says nothing.
    """
    kernel = np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
    small = ids.astype(np.float32)  # exact up to 2^24, and OpenCV erodes it
    least = cv2.erode(np.where(valid, small, np.inf).astype(np.float32), kernel)
    most = cv2.dilate(np.where(valid, small, -1).astype(np.float32), kernel)
    near = least != most
    for edge in (near[:distance], near[-distance:], near[:, :distance], near[:, -distance:]):
        edge[...] = True
    return near


def areas(
    label: np.ndarray,
    prediction: np.ndarray,
    num_classes: int,
    valid: np.ndarray,
    ratio: float = RATIO,
) -> np.ndarray:
    """Count the pixels near contours, by class.

    Sums over images give the boundary IoU of a data set, as sums of areas give its IoU.

    Args:
        label: integers [h, w], from 0 to C - 1 where valid.
        prediction: integers [h, w], from 0 to C - 1 where valid.
        num_classes: C.
        valid: whether a pixel counts, bool [h, w]. Others are no contours either.
        ratio: see `width`.

    Returns:
        int64 [3, C]: in both, in the prediction, in the label; what `metrics.class_scores` takes.
    """
    height, breadth = label.shape
    distance = width(height, breadth, ratio)
    of_label, of_prediction = (
        np.where(near_contour(ids, valid, distance) & valid, ids, num_classes)
        for ids in (label, prediction)
    )
    both = np.where(of_label == of_prediction, of_label, num_classes)
    counts = [
        np.bincount(ids.ravel().astype(np.int64), minlength=num_classes + 1)[:num_classes]
        for ids in (both, of_prediction, of_label)
    ]
    return np.stack(counts)
