"""Resizing by matrices: Paddle's own values and gradients for every size, larger and smaller."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from paddle_ann.nn.resizing import resize, resizing_matrix


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(13, 23), (5, 7), (3, 2), (1, 1), (40, 7)], ids=str)
def test_equals_interpolate_with_its_gradient(size, align_corners):
    x = paddle.randn([2, 3, 5, 7])
    upstream = paddle.randn([2, 3, *size])
    results = []
    for function in (
        resize,
        lambda x, size, align: F.interpolate(x, size, mode="bilinear", align_corners=align),
    ):
        given = x.clone()
        given.stop_gradient = False
        y = function(given, size, align_corners)
        y.backward(upstream)
        results.append((y.numpy(), given.grad.numpy()))
    for actual, expected in zip(*results):
        # Paddle computes its weights in float32, whatever the map's type.
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


def test_rows_of_the_matrix_are_averages():
    matrix = resizing_matrix(5, 11, False, paddle.float32)
    assert matrix.shape == [11, 5] and matrix.stop_gradient
    np.testing.assert_allclose(matrix.sum(1).numpy(), np.ones(11), rtol=1e-6)


def test_without_gradients_it_is_paddles_own():
    x = paddle.randn([1, 2, 3, 5])
    expected = F.interpolate(x, [7, 11], mode="bilinear")
    np.testing.assert_array_equal(resize(x, [7, 11], False).numpy(), expected.numpy())
