"""The moving average of the weights, by PaddleSeg's own functions."""

from __future__ import annotations

import copy

import paddle
from paddleseg.utils import init_ema_params, update_ema_model


class MovingAverage:
    """A second model whose weights follow those of the first.

    Counters and other integers, which PaddleSeg leaves as they were at the start, are copied.

    Args:
        model: the model that is trained.
    """

    def __init__(self, model: paddle.nn.Layer) -> None:
        self.model = copy.deepcopy(model)
        self.model.eval()
        for parameter in self.model.parameters():
            parameter.stop_gradient = True
        state = self.model.state_dict()
        self._integers = {k: v for k, v in state.items() if not paddle.is_floating_point(v)}

    def start(self, model: paddle.nn.Layer) -> None:
        """Begin at the weights of `model`."""
        init_ema_params(self.model, model)
        self._copy_integers(model)

    def update(self, model: paddle.nn.Layer, iteration: int) -> None:
        """Follow `model` after update number `iteration`, counted from 1."""
        update_ema_model(self.model, model, step=iteration)
        self._copy_integers(model)

    def _copy_integers(self, model: paddle.nn.Layer) -> None:
        state = model.state_dict() if self._integers else {}
        for name, tensor in self._integers.items():
            tensor.set_value(state[name])
