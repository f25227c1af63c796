"""Convolution, batch norm and ReLU under the parameter names of PaddleSeg's checkpoints.

`_conv` and `_batch_norm` are the attribute names that official `.pdparams` files carry; they are
the checkpoint format and stay.
"""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

from paddle_ann.nn.functional import convolve3x3, pointwise


def batch_norm(channels: int) -> nn.Layer:
    """Make a 2-D batch norm, synchronised where several GPU processes train together."""
    parallel = paddle.distributed.ParallelEnv().nranks > 1
    if parallel and paddle.get_device().startswith("gpu"):
        return nn.SyncBatchNorm(channels)
    return nn.BatchNorm2D(channels)


class ConvBN(nn.Layer):
    """Convolution and batch norm.

    Args:
        in_channels: C_in of (N, C_in, H, W).
        out_channels: C_out.
        kernel_size: 1 or 3; the map keeps its size.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 1) -> None:
        super().__init__()
        self._conv = nn.Conv2D(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self._batch_norm = batch_norm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H, W)."""
        conv = self._conv
        if conv.weight.shape[2] == 1:
            return self.normalize(pointwise(x.flatten(2), conv.weight, conv.bias), x)
        return self.activate(self._batch_norm(convolve3x3(x, conv.weight, conv.bias)))

    def normalize(self, flat: Tensor, like: Tensor) -> Tensor:
        """Apply what follows the convolution to (N, C_out, L): (N, C_out, H, W), as `like` has."""
        return self.activate(self._batch_norm(unflatten(flat, like)))

    def activate(self, x: Tensor) -> Tensor:
        """Return `x`: there is no activation."""
        return x


class ConvBNReLU(ConvBN):
    """Convolution, batch norm and ReLU."""

    def activate(self, x: Tensor) -> Tensor:
        """Apply the ReLU."""
        return F.relu(x)


def unflatten(flat: Tensor, like: Tensor) -> Tensor:
    """Reshape (N, C, L) to (N, C, H, W), H and W those of `like` (N, any, H, W)."""
    if paddle.in_dynamic_mode():
        return flat.reshape([0, 0, *like.shape[2:]])
    shape = paddle.shape(like)
    return flat.reshape([0, flat.shape[1], shape[2], shape[3]])
