"""Scales and flips: PaddleSeg's own answer, without PaddleSeg's network."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle import nn
from paddleseg.core import infer

from paddle_ann.deploy.augment import average, views
from paddle_ann.deploy.runner.bundle import softmax

RANDOM = np.random.RandomState(0)
BATCH = RANDOM.randn(1, 3, 29, 41).astype(np.float32)


class Network(nn.Layer):
    """A convolution that knows left from right and up from down."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(3, 5, 3, padding=1)
        self.conv.weight.set_value(RANDOM.randn(5, 3, 3, 3).astype(np.float32))

    def forward(self, x):
        return [self.conv(x)]


@pytest.mark.parametrize(
    "scales, horizontal, vertical",
    [([1.0], False, False), ([0.75, 1.0, 1.3], False, False), ([1.0], True, True), ([0.5], 1, 0)],
)
def test_the_views_are_those_that_paddleseg_averages(scales, horizontal, vertical):
    network = Network()
    with paddle.no_grad():
        ids, expected = infer.aug_inference(
            network,
            paddle.to_tensor(BATCH),
            trans_info=[],
            scales=scales,
            flip_horizontal=bool(horizontal),
            flip_vertical=bool(vertical),
        )
        seen = views(scales, bool(horizontal), bool(vertical))
        run = lambda batch: network(paddle.to_tensor(batch))[0].numpy()  # noqa: E731
        logits = average(BATCH, run, lambda logits: logits, seen)  # what PaddleSeg averages
        found = average(BATCH, run, softmax, seen)
    assert logits == pytest.approx(expected.numpy(), abs=1e-4)
    assert (logits.argmax(1) == ids.numpy()[:, 0]).mean() > 0.999
    assert found.sum(1) == pytest.approx(np.ones((1, 29, 41)), abs=1e-5)


def test_probabilities_are_averaged_not_scores():
    answers = iter([[100.0, 0.0], [0.0, 1.0]])
    seen = views([1.0], flip_horizontal=True)
    found = average(
        np.zeros((1, 3, 1, 1), np.float32),
        lambda batch: np.reshape(next(answers), (1, 2, 1, 1)),
        softmax,
        seen,
    )
    assert found[0, 0, 0, 0] == pytest.approx((1 + 1 / (1 + np.e)) / 2)


def test_a_picture_of_one_pixel_keeps_one():
    sizes = []

    def network(batch):
        sizes.append(batch.shape[2:])
        return np.zeros((1, 2, *batch.shape[2:]), np.float32)

    average(np.zeros((1, 3, 1, 3), np.float32), network, softmax, views([0.25, 2.0]))
    assert sizes == [(1, 1), (2, 6)]


@pytest.mark.parametrize("scales", [[], [0], ["a"], [21], None, [float("nan")]])
def test_scales_of_no_use_are_refused(scales):
    with pytest.raises(ValueError, match="scales must be"):
        views(scales)
