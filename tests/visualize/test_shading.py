"""More attention is always brighter, and the even weight is where it is said to be."""

from __future__ import annotations

import numpy as np

from paddle_ann.visualize.shading import ramp, scale_top, shade, ticks


def test_a_higher_step_is_brighter():
    linear = (ramp() / 255.0) ** 2.2
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert ramp().shape == (256, 3) and (np.diff(luminance) >= 0).all()
    assert (np.diff(luminance[::4]) > 0).all()


def test_the_even_weight_is_in_the_middle():
    uniform, top = 1 / 110, 40.0
    levels = shade(np.array([0, uniform / 40, uniform, 2 * uniform, 40 * uniform, 1]), uniform, top)
    assert levels.tolist() == [0, 0, 128, 151, 255, 255]  # 127.5 (1 + log 2 / log 40) = 151.46
    assert ticks(40.0) == [1 / 40, 1 / 6, 1, 6, 40]


def test_the_scale_ends_at_the_largest_weight():
    even = np.full((3, 5, 110), 1 / 110)
    assert scale_top([even]) == 4
    even[1, 2, 3] = 0.5
    assert scale_top([even]) == 55
    assert scale_top([]) == 4
