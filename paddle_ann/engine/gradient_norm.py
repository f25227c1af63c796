"""The norm of all gradients, taken while backward still has them in the processor's cache.

On a CPU a pass over all gradients after backward waits for the memory: for ANN-ResNet18_vd at
128x128 it took 1.5 % of an update of two images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import paddle
from paddle.nn.clip import _squared_l2_norm


class GradientNorm:
    """Sums squares in hooks of the parameters; afterwards where hooks see less than the gradient.

    That is the case where several backward passes add up or processes exchange gradients. Vectors
    (biases, batch norm) are most of the parameters and next to none of the numbers: they are joined
    afterwards, for a hook each would take longer.

    Args:
        parameters: trainable ones.
    """

    def __init__(self, parameters: Sequence[paddle.Tensor]) -> None:
        self.parameters = list(parameters)
        self._squares: list[paddle.Tensor] = []
        self._hooks: list[Any] = []
        self._active = False

    def start(self, once: bool) -> None:
        """Begin an update.

        Args:
            once: whether one backward pass of this process makes the whole gradient.
        """
        self._squares.clear()
        self._active = once
        if once and not self._hooks:
            large = [parameter for parameter in self.parameters if parameter.ndim != 1]
            self._hooks = [parameter.register_hook(self._add) for parameter in large]

    def _add(self, gradient: paddle.Tensor) -> None:
        if self._active:
            self._squares.append(_squared_l2_norm(gradient))

    def value(self) -> float:
        """Return the norm, in float32; inf where the sum of squares has no room there."""
        self._active = False
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        large = [gradient for gradient in gradients if gradient.ndim != 1]
        squares = self._squares
        if len(squares) != len(large):
            squares = [_squared_l2_norm(gradient) for gradient in large]
        vectors: dict[Any, list[paddle.Tensor]] = {}
        for gradient in gradients:
            if gradient.ndim == 1:
                vectors.setdefault(gradient.dtype, []).append(gradient)
        joined = [_squared_l2_norm(paddle.concat(of_type)) for of_type in vectors.values()]
        return _root([*squares, *joined])

    def close(self) -> None:
        """Take the hooks away."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._squares.clear()


def _root(squares: list[paddle.Tensor]) -> float:
    if not squares:
        return 0.0
    return math.sqrt(paddle.add_n([s.astype("float32").reshape([1]) for s in squares]).item())
