"""Linear maps composed ahead of time: batch norm into convolutions, and 1x1 into 3x3 kernels.

All of it runs once, in float64, when an inference form is built.
"""

from __future__ import annotations

import paddle
from paddle import Tensor, nn


def fold_batch_norm(conv: nn.Conv2D, norm: nn.Layer) -> tuple[Tensor, Tensor]:
    """Fold a batch norm in eval mode into the convolution in front of it.

    Args:
        conv: weight (C_out, C_in, k, k), with or without bias.
        norm: `_mean`, `_variance` and, optionally, weight and bias, each (C_out,).

    Returns:
        Weight (C_out, C_in, k, k) and bias (C_out,) in float64.
    """
    scale = (norm._variance.astype("float64") + norm._epsilon).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.astype("float64")
    shift = -norm._mean.astype("float64") * scale
    if norm.bias is not None:
        shift = shift + norm.bias.astype("float64")
    weight, bias = exact(conv)
    return weight * scale.reshape([-1, 1, 1, 1]), bias * scale + shift


def exact(conv: nn.Conv2D) -> tuple[Tensor, Tensor]:
    """Return a convolution's weight and bias in float64, the bias as zeros where there is none."""
    weight = conv.weight.astype("float64")
    if conv.bias is None:
        return weight, paddle.zeros([weight.shape[0]], "float64")
    return weight, conv.bias.astype("float64")


def compose(outer: Tensor, inner: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Compose a convolution with the 1x1 convolution in front of it.

    Args:
        outer: kernel (C_out, C_mid, k, k).
        inner: weight (C_mid, C_in, 1, 1) of the 1x1 convolution.
        bias: its bias (C_mid,).

    Returns:
        The kernel (C_out, C_in, k, k), and what each tap makes of the bias, (C_out, k, k).
    """
    taps = outer.transpose([0, 2, 3, 1])
    kernel = paddle.matmul(taps, inner.flatten(1)).transpose([0, 3, 1, 2])
    return kernel, paddle.matmul(taps, bias)


def split_fusion(
    conv: nn.Conv2D, norm: nn.Layer, projection: nn.Conv2D
) -> tuple[Tensor, Tensor, Tensor]:
    """Split a block's fusing convolution, with its batch norm, into context half and map half.

    Args:
        conv: 1x1 over concat([context, x]).
        norm: the batch norm behind it.
        projection: `W`, the 1x1 convolution that makes the context.

    Returns:
        The context half composed with `W`, (C_out, C_v, 1, 1); the half that reads x,
        (C_out, C_x, 1, 1); the bias of both, (C_out,).
    """
    weight, bias = fold_batch_norm(conv, norm)
    context_channels = projection.weight.shape[0]
    halves = [context_channels, weight.shape[1] - context_channels]
    context, x = weight.split(halves, axis=1)
    context, seen = compose(context, *exact(projection))
    return context, x, bias + seen.flatten()
