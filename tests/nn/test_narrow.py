"""The narrowing convolution in pieces: the ordinary values and gradients, whatever is frozen."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from paddle_ann.nn import narrow


def results(function, x, weight, frozen, upstream):
    """Return the output and the gradients of what is not frozen."""
    tensors = {"x": x.clone(), "weight": weight.clone()}
    for name, tensor in tensors.items():
        tensor.stop_gradient = name == frozen
    y = function(tensors["x"], tensors["weight"])
    y.backward(upstream)
    return [y, *(tensor.grad for name, tensor in tensors.items() if name != frozen)]


@pytest.mark.parametrize("frozen", [None, "x", "weight"])
@pytest.mark.parametrize("block", [1, 3, 4, 6, 128])
def test_equals_the_ordinary_convolution(monkeypatch, float64, block, frozen):
    """6 channels in blocks of 1, 3 and 6; 4 does not divide them and 128 is more: one block."""
    monkeypatch.setattr(narrow, "BLOCK", block)
    x, weight = paddle.randn([3, 11, 5, 7], "float64"), paddle.randn([6, 11, 3, 3], "float64")
    upstream = paddle.randn([3, 6, 5, 7], "float64")
    given = (x, weight, frozen, upstream)
    actual = results(narrow.convolve, *given)
    expected = results(lambda x, weight: F.conv2d(x, weight, padding=1), *given)
    assert len(actual) == (3 if frozen is None else 2)
    for mine, other in zip(actual, expected):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine.numpy(), other.numpy(), rtol=1e-12, atol=1e-12)


def test_without_gradients_nothing_is_kept():
    x, weight = paddle.randn([1, 3, 5, 7]), paddle.randn([2, 3, 3, 3])
    weight.stop_gradient = False
    with paddle.no_grad():
        assert narrow.convolve(x, weight).stop_gradient
    assert not narrow.convolve(x, weight).stop_gradient


def test_gather_undoes_spread():
    weight = paddle.randn([5, 7, 3, 3])
    back = narrow.gather_kernel(narrow.spread_kernel(weight))
    np.testing.assert_array_equal(back.numpy(), weight.numpy())
