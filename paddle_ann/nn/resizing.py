"""Bilinear resizing whose gradient is two matrix products.

Paddle's CPU kernel spreads the gradient value by value on one core. Resizing is linear and
separable, so it is a product with one matrix for the rows and one for the columns, and so is its
gradient.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import paddle
import paddle.nn.functional as F
from paddle import Tensor


def resize(x: Tensor, size: Sequence[int] | Tensor, align_corners: bool) -> Tensor:
    """Resize a map bilinearly, as `paddle.nn.functional.interpolate` does.

    Args:
        x: (N, C, h, w).
        size: (H, W).
        align_corners: whether the corners of both maps coincide.

    Returns:
        (N, C, H, W).
    """
    trained = paddle.in_dynamic_mode() and paddle.is_grad_enabled() and not x.stop_gradient
    if not trained or not x.place.is_cpu_place():
        return F.interpolate(x, size, mode="bilinear", align_corners=align_corners)
    rows, columns = (
        resizing_matrix(old, int(new), align_corners, x.dtype)
        for old, new in zip(x.shape[2:], size)
    )
    with paddle.amp.auto_cast(enable=False):
        return paddle.matmul(rows, paddle.matmul(x, columns, transpose_y=True))


@functools.lru_cache(maxsize=16)
def resizing_matrix(old: int, new: int, align_corners: bool, dtype: paddle.dtype) -> Tensor:
    """Make the matrix (new, old) that resizes a column of `old` values to `new` ones.

    It is what Paddle's own resizing makes of the columns of the identity.
    """
    with paddle.no_grad(), paddle.amp.auto_cast(enable=False):
        columns = paddle.eye(old, dtype=dtype).reshape([1, old, old, 1])
        resized = F.interpolate(columns, [new, 1], mode="bilinear", align_corners=align_corners)
        return resized.reshape([old, new]).t().contiguous()
