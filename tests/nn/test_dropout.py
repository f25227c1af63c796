"""The cheap dropout: the same distribution as Paddle's, gradient through the same mask."""

import numpy as np
import paddle
import pytest

from paddle_ann.nn.dropout import Dropout, random_mask
from tests.helpers import in_mode


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.9])
def test_share_of_dropped_elements_and_expectation(probability):
    x = paddle.ones([2, 5, 101, 103])
    y = in_mode(Dropout(probability), True)(x).numpy()
    deviation = 5 * (probability * (1 - probability) / y.size) ** 0.5  # five sigma
    assert abs((y == 0).mean() - probability) < deviation
    np.testing.assert_allclose(y[y > 0], 1 / (1 - probability), rtol=1e-3)
    assert abs(y.mean() - 1) < deviation / (1 - probability)


def test_elements_are_independent():
    drops = ~random_mask([1000, 1000], dropped=2**15).numpy()
    # Two halves of one draw lie side by side; so do elements of neighbouring draws.
    for shift in (1, 2, 3):
        both = (drops[:, shift:] & drops[:, :-shift]).mean()
        assert abs(both - 0.25) < 5 * (0.25 * 0.75 / 1e6) ** 0.5


def test_gradient_goes_through_the_same_mask():
    x = paddle.randn([3, 7, 11, 5])
    x.stop_gradient = False
    y = in_mode(Dropout(0.3), True)(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy() * x.numpy(), y.numpy(), rtol=1e-5, atol=1e-7)


def test_seed_decides_the_mask():
    masks = []
    for seed in (7, 7, 8):
        paddle.seed(seed)
        masks.append(random_mask([3, 7, 5], 30000).numpy())
    assert (masks[0] == masks[1]).all()
    assert (masks[0] != masks[2]).any()


@pytest.mark.parametrize(("probability", "training"), [(0.5, False), (0.0, True)])
def test_does_nothing_in_eval_mode_or_at_probability_zero(probability, training):
    x = paddle.randn([2, 3, 5, 7])
    assert in_mode(Dropout(probability), training)(x) is x
