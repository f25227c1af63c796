"""Boundary IoU against the authors' definition and against its words, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from paddle_ann.metrics import class_scores
from paddle_ann.report import boundary

CLASSES = 5


def maps(seed=0, shape=(23, 31), ignored=0.0):
    """Two maps of blocks that differ in places, and which pixels count."""
    generator = np.random.default_rng(seed)
    label = generator.integers(0, CLASSES, (5, 7)).repeat(5, 0).repeat(5, 1)[: shape[0], : shape[1]]
    prediction = np.roll(label, (1, 2), (0, 1))
    return label, prediction, generator.random(shape) >= ignored


def authors_contour(mask, distance):
    """`mask_to_boundary` of boundary-iou-api: what is lost in 3x3 erosions; outside is nothing."""
    eroded = ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=distance, border_value=0)
    return mask & ~eroded


@pytest.mark.parametrize("ratio", [0.02, 0.05, 0.11, 3.0])
def test_without_ignored_pixels_it_is_the_authors(ratio):
    label, prediction, valid = maps()
    distance = boundary.width(*label.shape, ratio)
    both, of_prediction, of_label = boundary.areas(label, prediction, CLASSES, valid, ratio)
    for k in range(CLASSES):
        g, p = (authors_contour(ids == k, distance) for ids in (label, prediction))
        assert (of_label[k], of_prediction[k]) == (g.sum(), p.sum())
        assert both[k] == (g & p).sum()
    iou = class_scores("iou", both, of_prediction, of_label)
    assert 0 < iou.min() and iou.max() < 1


def by_words(ids, valid, distance):
    """Is there, within the distance, another class that counts, or the edge of the image?"""
    height, width = ids.shape
    near = np.zeros(ids.shape, bool)
    for y, x in np.ndindex(height, width):
        top, left = y - distance, x - distance
        if top < 0 or left < 0 or y + distance >= height or x + distance >= width:
            near[y, x] = True
            continue
        window = np.s_[top : y + distance + 1, left : x + distance + 1]
        near[y, x] = (ids[window][valid[window]] != ids[y, x]).any()
    return near


@pytest.mark.parametrize("distance", [1, 2, 3])
def test_ignored_pixels_are_no_contour(distance):
    label, _, valid = maps(1, ignored=0.4)
    label = np.where(valid, label, 255)
    found = boundary.near_contour(label, valid, distance)
    assert np.array_equal(found[valid], by_words(label, valid, distance)[valid])
    hole = np.zeros((13, 17), int)
    hole[5:8, 7:9] = 255
    assert not boundary.near_contour(hole, hole != 255, 1)[3:-3, 3:-3].any()


def test_a_contour_is_seen_through_a_strip_that_is_ignored():
    """Pascal VOC ignores five pixels along every contour."""
    label = np.zeros((29, 29), int)
    label[:, 15:] = 1
    valid = np.ones(label.shape, bool)
    valid[:, 13:18] = False
    assert boundary.near_contour(label, valid, 7)[14, 11:13].all()


def test_many_classes_and_the_width():
    label = np.full((11, 13), 40_000)
    label[5:, 6:] = 40_001
    valid = np.ones(label.shape, bool)
    found = boundary.areas(label, label, 40_002, valid, 0.01)
    assert boundary.width(11, 13, 0.01) == 1 and boundary.width(375, 500) == 12  # 12.5 to even
    assert found.shape == (3, 40_002) and (found[0] == found[2]).all()
    assert found[0, 40_001] == 6 * 7 - 4 * 5


def test_a_class_that_is_nowhere_and_pixels_that_never_count():
    label, prediction, valid = maps()
    valid[:] = False
    assert not boundary.areas(label, prediction, CLASSES, valid).any()
