"""Pyramid sampling equals adaptive average pooling, for every size."""

import random

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from paddle_ann.nn import PyramidSampling
from paddle_ann.nn.sampling import averaging_matrix, sample_pyramid
from tests.helpers import pool_by_slices


def reference(x, pool_sizes, pool=F.adaptive_avg_pool2d):
    return paddle.concat([pool(x, s).flatten(2) for s in pool_sizes], axis=-1)


def test_averaging_matrix_by_hand():
    # Five values in three bins: [0, 2), [1, 4), [3, 5). Bins overlap where 3 does not divide 5.
    expected = [[1 / 2, 1 / 2, 0, 0, 0], [0, 1 / 3, 1 / 3, 1 / 3, 0], [0, 0, 0, 1 / 2, 1 / 2]]
    np.testing.assert_allclose(averaging_matrix(5, 3, paddle.float32).numpy(), expected, rtol=1e-6)


def test_bins_repeat_where_there_are_more_bins_than_values():
    expected = [[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]]
    np.testing.assert_allclose(averaging_matrix(2, 5, paddle.float32).numpy(), expected)


def test_order_of_positions_by_hand():
    x = paddle.to_tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    assert sample_pyramid(x, (1, 2)).numpy().ravel().tolist() == [4, 1, 3, 5, 7]


def test_equals_adaptive_pooling_for_300_random_sizes():
    generator = random.Random(7)
    beyond = 0
    for _ in range(300):
        height, width = generator.randint(1, 41), generator.randint(1, 41)
        sizes = tuple(generator.randint(1, 13) for _ in range(generator.randint(1, 4)))
        beyond += max(sizes) > min(height, width)
        x = paddle.randn([2, 3, height, width], dtype="float64")
        np.testing.assert_allclose(
            sample_pyramid(x, sizes).numpy(), reference(x, sizes).numpy(), rtol=1e-12, atol=1e-13
        )
    assert beyond > 30  # pool sizes larger than the map were among them


@pytest.mark.parametrize("size", [(1, 1), (7, 11), (5, 3), (64, 64), (2, 37)])
@pytest.mark.parametrize(
    ("pool", "dtype", "tolerance"),
    [(F.adaptive_avg_pool2d, "float32", 1e-5), (pool_by_slices, "float64", 1e-12)],
    ids=["paddle-float32", "slices-float64"],
)
def test_gradient_equals_that_of_adaptive_pooling(size, pool, dtype, tolerance):
    # Paddle's own adaptive pooling rounds its gradient to float32 even for float64.
    grads = []
    values = paddle.randn([2, 3, *size], dtype=dtype)
    upstream = paddle.randn([2, 3, 110], dtype=dtype)
    for function in (sample_pyramid, lambda x, sizes: reference(x, sizes, pool)):
        x = values.clone()
        x.stop_gradient = False
        function(x, (1, 3, 6, 8)).backward(upstream)
        grads.append(x.grad.numpy())
    scale = np.abs(grads[1]).max()
    np.testing.assert_allclose(grads[0] / scale, grads[1] / scale, rtol=0, atol=tolerance)


def test_layer_has_no_parameters_and_says_what_it_samples():
    layer = PyramidSampling((1, 3, 6, 8))
    assert layer.num_positions == 110
    assert not layer.state_dict()
    assert "(1, 3, 6, 8)" in repr(layer)
    assert layer(paddle.randn([2, 3, 13, 7])).shape == [2, 3, 110]


@pytest.mark.parametrize(
    ("sizes", "error", "named"),
    [
        ((1, 0), ValueError, "[1, 0]"),
        ((), ValueError, "[]"),
        ((1, 2.5), TypeError, "2.5"),
        (8, TypeError, "int"),
        ("138", TypeError, "138"),
        ((True, 3), TypeError, "True"),
    ],
)
def test_bad_pool_sizes_are_named(sizes, error, named):
    with pytest.raises(error, match="pool_sizes") as caught:
        PyramidSampling(sizes)
    assert named in str(caught.value)
