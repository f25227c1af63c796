"""The mathematics of asymmetric non-local attention as pure functions.

Shape letters, used through the whole package: N batch, C channels, H x W feature map,
L = H * W query positions, S sampled positions (110 for pool sizes 1, 3, 6, 8).

Everything here is exact algebra on the equations of Zhu et al., "Asymmetric Non-local Neural
Networks for Semantic Segmentation" (ICCV 2019); the order of the products is what is chosen, so
that the wide ones run on S positions and not on L.
"""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import Tensor

from paddle_ann.nn import narrow
from paddle_ann.nn.pointwise import multiply

_HALF = (paddle.float16, paddle.bfloat16)


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply a 1x1 convolution to flattened positions, as one matrix product.

    Args:
        x: (N, C_in, P), P positions of any meaning.
        weight: (C_out, C_in, 1, 1) or (C_out, C_in), a convolution's weight.
        bias: (C_out,) or None.

    Returns:
        (N, C_out, P).
    """
    if weight.ndim == 4:
        weight = weight.flatten(1)
    out = multiply(weight, x)
    return out if bias is None else out + bias.unsqueeze(-1)


def convolve3x3(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply a 3x3 convolution with padding 1 that narrows the map.

    In eager mode on a CPU it runs in the cheaper way of `narrow`; on other devices, and in a graph,
    this is the ordinary convolution.

    Args:
        x: (N, C_in, H, W).
        weight: (C_out, C_in, 3, 3).
        bias: (C_out,) or None.

    Returns:
        (N, C_out, H, W).
    """
    cheaper = weight.shape[0] < weight.shape[1] and paddle.in_dynamic_mode()
    # Paddle 2.6's fold refuses maps of height or width 1.
    if not cheaper or min(x.shape[2:]) < 2 or not x.place.is_cpu_place():
        return F.conv2d(x, weight, bias, padding=1)
    out = narrow.convolve(x, weight)
    return out if bias is None else out + bias.reshape([1, -1, 1, 1])


def attention_weights(query: Tensor, key: Tensor) -> Tensor:
    """Compare every position with every sampled position: softmax(query^T key / sqrt(C_k)).

    The scale is applied to the key, the smaller of the two; the softmax runs in at least float32,
    whatever the precision of the projections. Paper: equations 2 and 7.

    Args:
        query: (N, C_k, L).
        key: (N, C_k, S).

    Returns:
        (N, L, S); each row is positive and sums to 1.
    """
    similarity = paddle.matmul(query, key * key.shape[1] ** -0.5, transpose_x=True)
    if similarity.dtype in _HALF:
        similarity = similarity.astype(paddle.float32)
    return F.softmax(similarity, axis=-1)


def weighted_sum(weights: Tensor, values: Tensor) -> Tensor:
    """Average the sampled values with the attention of each position. Paper: equation 8.

    Args:
        weights: (N, L, S), rows that sum to 1.
        values: (N, C, S).

    Returns:
        (N, C, L), in the dtype of `values`.
    """
    if weights.dtype != values.dtype:
        weights = weights.astype(values.dtype)
    return paddle.matmul(values, weights, transpose_y=True)


def fuse(
    weights: Tensor, values: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Compute `conv1x1(concat([values . weights^T, x]))` without the concatenation.

    With the convolution's weight split as [W_c W_x], the context half runs on the S sampled
    positions before the weighted sum, and so does the bias, because rows of `weights` sum to 1.

    Args:
        weights: (N, L, S), rows that sum to 1.
        values: (N, C_v, S), the context before the weighted sum.
        x: (N, C_x, L).
        weight: (C_out, C_v + C_x, 1, 1).
        bias: (C_out,) or None.

    Returns:
        (N, C_out, L).
    """
    context_weight, x_weight = weight.flatten(1).split([values.shape[1], x.shape[1]], axis=1)
    return pointwise(x, x_weight) + weighted_sum(weights, pointwise(values, context_weight, bias))
