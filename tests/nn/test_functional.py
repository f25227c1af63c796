"""Hand-computed numbers for the attention, and the identities of the fused form."""

import numpy as np
import paddle
import pytest

from paddle_ann.nn import functional


def test_attention_weights_by_hand():
    # One position, two samples, C_k = 4: similarities 2*ln3 and 0, scaled by 1/2: ln3 and 0.
    query = paddle.to_tensor([[[2.0], [0.0], [0.0], [0.0]]])
    key = paddle.to_tensor([[[np.log(3.0), 0.0]] + [[0.0, 5.0]] * 3])
    weights = functional.attention_weights(query, key)
    np.testing.assert_allclose(weights.numpy(), [[[0.75, 0.25]]], rtol=1e-6)


def test_attention_rows_are_distributions():
    weights = functional.attention_weights(paddle.randn([2, 5, 13]), paddle.randn([2, 5, 7]))
    assert weights.shape == [2, 13, 7]
    assert float(weights.min()) > 0
    np.testing.assert_allclose(weights.sum(-1).numpy(), np.ones((2, 13)), rtol=1e-6)


def test_weighted_sum_by_hand():
    weights = paddle.to_tensor([[[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]]])
    values = paddle.to_tensor([[[4.0, 8.0], [-1.0, 1.0]]])
    expected = [[[5.0, 6.0, 8.0], [-0.5, 0.0, 1.0]]]
    np.testing.assert_allclose(functional.weighted_sum(weights, values).numpy(), expected)


def test_pointwise_is_a_1x1_convolution():
    x, weight, bias = paddle.randn([3, 5, 7, 11]), paddle.randn([13, 5, 1, 1]), paddle.randn([13])
    expected = paddle.nn.functional.conv2d(x, weight, bias).flatten(2)
    actual = functional.pointwise(x.flatten(2), weight, bias)
    np.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("channels", [(11, 5), (5, 11)], ids=["narrows", "widens"])
def test_convolve3x3_is_a_convolution_with_its_gradients(channels):
    shapes = [2, channels[0], 7, 13], [channels[1], channels[0], 3, 3], [channels[1]]
    values = [paddle.randn(s) for s in shapes]
    upstream = paddle.randn([2, channels[1], 7, 13])
    results = []
    for function in (
        functional.convolve3x3,
        lambda *args: paddle.nn.functional.conv2d(*args, padding=1),
    ):
        tensors = [v.clone() for v in values]
        for t in tensors:
            t.stop_gradient = False
        y = function(*tensors)
        y.backward(upstream)
        results.append([y.numpy(), *(t.grad.numpy() for t in tensors)])
    for actual, expected in zip(*results):
        np.testing.assert_allclose(actual / 10, expected / 10, rtol=0, atol=1e-5)


def test_fuse_is_a_convolution_of_the_concatenation(float64):
    weights = functional.attention_weights(
        paddle.randn([2, 5, 13], "float64"), paddle.randn([2, 5, 7], "float64")
    )
    values, x = paddle.randn([2, 3, 7], "float64"), paddle.randn([2, 11, 13], "float64")
    weight, bias = paddle.randn([17, 14, 1, 1], "float64"), paddle.randn([17], "float64")
    both = paddle.concat([functional.weighted_sum(weights, values), x], axis=1)
    expected = functional.pointwise(both, weight, bias)
    actual = functional.fuse(weights, values, x, weight, bias)
    np.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_softmax_runs_in_float32_for_half_precision(dtype):
    query, key = paddle.randn([1, 3, 5]) * 30, paddle.randn([1, 3, 7]) * 30
    try:
        weights = functional.attention_weights(query.astype(dtype), key.astype(dtype))
    except RuntimeError as error:
        pytest.skip(f"no {dtype} matrix product on this device: {str(error)[-120:]}")
    assert weights.dtype == paddle.float32
    assert bool(paddle.isfinite(weights).all())
