"""A 3x3 convolution that narrows the map, in small pieces.

Paddle's CPU convolution first copies the map nine times (9 * C_in * L values). Where C_out is
smaller it is cheaper the other way round: one product gives what each position adds to its nine
neighbours (9 * C_out * L values), and an overlap-add collects it. Those values are made for one
image and BLOCK output channels at a time, and backward keeps nothing but the map and the weight:
whole, they would be the largest buffer of a training step.
"""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor
from paddle.autograd import PyLayer

BLOCK = 128


class Narrow(PyLayer):
    """Convolve x (N, C_in, H, W) with weight (C_out, C_in, 3, 3), padding 1: (N, C_out, H, W)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """Convolve, and keep both factors."""
        ctx.save_for_backward(x, weight)
        ctx.wanted = not x.stop_gradient, not weight.stop_gradient
        return spread(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients of x and of the weight."""
        x, weight = ctx.saved_tensor()
        # Under autocast the product was computed in half precision, and so is its gradient.
        factors = x.astype(grad.dtype), weight.astype(grad.dtype)
        images, kernels = gradients(grad, *factors, *ctx.wanted)
        grad_weight = paddle.concat(kernels).astype(weight.dtype) if kernels else None
        kernels.clear()  # before the other copy is made
        grad_x = paddle.stack(images).reshape(x.shape).astype(x.dtype) if images else None
        return grad_x, grad_weight


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve (N, C_in, H, W), H and W at least 2, with (C_out, C_in, 3, 3), padding 1."""
    trained = not (x.stop_gradient and weight.stop_gradient)
    if paddle.is_grad_enabled() and trained:
        return Narrow.apply(x, weight)
    return spread(x, weight)


def spread(x: Tensor, weight: Tensor) -> Tensor:
    """Add to every position's neighbours what the kernel gives them."""
    images, size = in_images(x), x.shape[2:]
    maps = []
    for block in in_blocks(weight):
        kernel = spread_kernel(block)
        products = (paddle.matmul(kernel, one).unsqueeze(0) for one in images)
        maps.append(paddle.concat([F.fold(one, size, 3, paddings=1) for one in products]))
    return paddle.concat(maps, axis=1)


def gradients(
    grad: Tensor, x: Tensor, weight: Tensor, x_wanted: bool, weight_wanted: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """Gather from every position's neighbours, and multiply by the other factor.

    Args:
        grad: (N, C_out, H, W).
        x: (N, C_in, H, W).
        weight: (C_out, C_in, 3, 3).
        x_wanted: whether to compute the first result.
        weight_wanted: whether to compute the second.

    Returns:
        The gradient of x by image, each (C_in, L), and that of the weight by block, each
        (C_block, C_in, 3, 3).
    """
    grads = [in_blocks(one) for one in grad.unbind(0)]
    images: list[Tensor] = []
    kernels: list[Tensor] = []
    for number, block in enumerate(in_blocks(weight)):
        kernel = spread_kernel(block)
        sums: list[Tensor] = []
        for i, one in enumerate(in_images(x)):
            gathered = F.unfold(grads[i][number].unsqueeze(0), 3, paddings=1)[0]
            if x_wanted:
                add(images, i, paddle.matmul(kernel, gathered, transpose_x=True))
            if weight_wanted:
                add(sums, 0, paddle.matmul(gathered, one, transpose_y=True))
        kernels += map(gather_kernel, sums)
    return images, kernels


def in_images(x: Tensor) -> list[Tensor]:
    """Divide (N, C, H, W) into N of (C, L), with no copy."""
    return list(x.flatten(2).unbind(0))


def in_blocks(x: Tensor) -> list[Tensor]:
    """Divide (C_out, ...) into blocks of output channels, with no copy."""
    channels = x.shape[0]
    count = channels // BLOCK if channels % BLOCK == 0 else 1
    return list(x.reshape([count, channels // count, *x.shape[1:]]).unbind(0))


def add(sums: list[Tensor], i: int, term: Tensor) -> None:
    """Add to the i-th sum in place; the first term is its beginning."""
    if i == len(sums):
        sums.append(term)
    else:
        sums[i].add_(term)


def spread_kernel(weight: Tensor) -> Tensor:
    """Turn a kernel that gathers from neighbours into one that adds to them.

    Args:
        weight: (C_out, C_in, 3, 3).

    Returns:
        (C_out * 9, C_in), for each output channel the taps in reverse order, as `fold` has them.
    """
    taps = weight.flatten(2).unbind(2)
    return paddle.stack(taps[::-1], axis=1).flatten(0, 1)


def gather_kernel(kernel: Tensor) -> Tensor:
    """Undo `spread_kernel`: (C_out * 9, C_in) to (C_out, C_in, 3, 3)."""
    taps = kernel.reshape([-1, 9, kernel.shape[1]])
    taps = taps.index_select(paddle.arange(8, -1, -1), axis=1)
    return taps.transpose([0, 2, 1]).reshape([0, 0, 3, 3])
