"""Pixels of the picture are found again in what the network sees."""

from __future__ import annotations

import numpy as np
import pytest
from paddleseg.transforms import Normalize, Padding, Resize

from paddle_ann.visualize import prepare
from paddle_ann.visualize.preparing import shares_inside


def test_resized_and_padded():
    rgb = np.zeros((26, 34, 3), np.uint8)
    rgb[10:12, 20:22] = (255, 0, 0)  # one pixel at half the size
    prepared = prepare(rgb, [Resize((17, 13)), Padding((23, 19)), Normalize()])
    assert prepared.image.shape == (3, 19, 23) and prepared.image.dtype == np.float32
    assert prepared.picture.shape == (38, 46, 3) and prepared.inside == (26, 34)
    np.testing.assert_array_equal(prepared.picture[:26, :34], rgb)
    assert (prepared.picture[26:] == 127).all() and (prepared.picture[:, 34:] == 127).all()
    assert prepared.image[0, 5, 10] == 1 and (prepared.image[0, :13, :17] == 1).sum() == 1
    points = np.array([[20, 10], [21, 11], [22, 11], [45, 37], [0, 0]])
    found = prepared.points_in_image(points)
    assert found.tolist() == [[10, 5], [10, 5], [11, 5], [22, 18], [0, 0]]


def test_padding_before_and_after_a_resize():
    steps = [("padding", (5, 7)), ("resize", (10, 14)), ("padding", (20, 20))]
    assert shares_inside(steps, (40, 30)) == (0.5 * 0.5, 0.5 * 20 / 30)


@pytest.mark.parametrize("rgb", [np.zeros((3, 5, 3)), np.zeros((3, 5), np.uint8), "a.png"])
def test_no_picture(rgb):
    with pytest.raises(TypeError, match=r"must be an array \(H, W, 3\) of uint8"):
        prepare(rgb, [Normalize()])
