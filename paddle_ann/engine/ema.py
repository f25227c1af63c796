"""The moving average of the weights, by PaddleSeg's own functions."""

from __future__ import annotations

import copy

import paddle
from paddleseg.utils import init_ema_params, update_ema_model


class MovingAverage:
    """A second model whose weights follow those of the first.

    Args:
        model: the model that is trained.
    """

    def __init__(self, model: paddle.nn.Layer) -> None:
        self.model = copy.deepcopy(model)
        self.model.eval()
        for parameter in self.model.parameters():
            parameter.stop_gradient = True

    def start(self, model: paddle.nn.Layer) -> None:
        """Begin at the weights of `model`."""
        init_ema_params(self.model, model)

    def update(self, model: paddle.nn.Layer, iteration: int) -> None:
        """Follow `model` after update number `iteration`, counted from 1."""
        update_ema_model(self.model, model, step=iteration)
