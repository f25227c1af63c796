"""Element-wise dropout whose mask is cheap on a CPU.

Paddle's CPU kernel draws one float a value, one after the other, on one core: at paper width that
is a large part of a block's forward pass. One 32-bit draw holds two 16-bit numbers, which is
enough to compare with a probability, and the mask is kept for backward as one byte a value, as
Paddle does.
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.autograd import PyLayer

LEVELS = 2**16


class _Drop(PyLayer):
    """Multiply by mask / (1 - p), forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, keep: Tensor, scale: float) -> Tensor:
        """Apply the mask, and keep it."""
        ctx.save_for_backward(keep)
        ctx.scale = scale
        return apply_mask(x, keep, scale)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Apply the mask to the gradient."""
        (keep,) = ctx.saved_tensor()
        return apply_mask(grad, keep, ctx.scale)


def apply_mask(x: Tensor, keep: Tensor, scale: float) -> Tensor:
    """Multiply by keep * scale, in the memory of the result alone."""
    factor = keep.astype(x.dtype)
    return factor.scale_(scale).multiply_(x)


class Dropout(nn.Dropout):
    """Drop single elements with probability p while training, and scale the rest by 1 / (1 - p).

    On a CPU p is rounded to a multiple of 2**-16, and the scale is that of the rounded p, so that
    the expectation is exact. Elsewhere this is Paddle's own layer. Random numbers come from
    Paddle's generator: `paddle.seed` decides them.

    Args:
        p: probability of dropping an element, in [0, 1).
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map a tensor of any shape to one of the same shape."""
        dropped = round(self.p * LEVELS)
        if not self.training or dropped == 0:
            return input
        if not paddle.in_dynamic_mode() or not input.place.is_cpu_place():
            return super().forward(input)
        return _Drop.apply(input, random_mask(input.shape, dropped), LEVELS / (LEVELS - dropped))


def random_mask(shape: list[int], dropped: int) -> Tensor:
    """Draw a boolean mask of `shape`, each element False with probability dropped / 2**16."""
    size = 1
    for length in shape:
        size *= length
    # int32 is the widest that randint takes; its highest value is never drawn, 1 in 4e9.
    draws = paddle.randint(-(2**31), 2**31 - 1, [(size + 1) // 2], dtype="int32")
    levels = draws.view("int16")[:size].reshape(shape)
    return levels >= dropped - LEVELS // 2
