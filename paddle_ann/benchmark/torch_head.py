"""The head of ANN written in PyTorch, in PaddleSeg's form: what any port would look like.

The names are those of PaddleSeg's checkpoints, batch-norm statistics aside, so that
`weights.fill_torch` gives it the weights of the Paddle layers. Needs the optional extra
`benchmark`; `tests/benchmark/test_torch_head.py` holds it against the Paddle layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from paddle_ann.benchmark.macs import Widths

DROPOUT = 0.05


class ConvBN(nn.Module):
    """Convolution, batch norm and, with `relu`, ReLU."""

    def __init__(self, c_in: int, c_out: int, kernel: int = 1, relu: bool = True) -> None:
        super().__init__()
        self._conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2)
        self._batch_norm = nn.BatchNorm2d(c_out)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H, W)."""
        return self.activate(self._batch_norm(self._conv(x)))

    def activate(self, x: Tensor) -> Tensor:
        """Apply the ReLU, if there is one."""
        return F.relu(x) if self.relu else x


def pool(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Sample (N, C, H, W) at (N, C, S) positions by adaptive pooling."""
    return torch.cat([F.adaptive_avg_pool2d(x, s).flatten(2) for s in sizes], -1)


class Attention(nn.Module):
    """Projections and attention; `high` None shares one projection for query and key."""

    def __init__(self, low: int, high: int | None, out: int, w: Widths) -> None:
        super().__init__()
        self.f_key = ConvBN(low, w.key)
        self.f_query = self.f_key if high is None else ConvBN(high, w.key)
        self.f_value = nn.Conv2d(low, w.value, 1)
        self.W = nn.Conv2d(w.value, out, 1)
        self.sizes = w.pool_sizes

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """Compute the context (N, C_out, H, W) as PaddleSeg does."""
        value = pool(self.f_value(low), self.sizes).transpose(1, 2)
        query = self.f_query(high).flatten(2).transpose(1, 2)
        key = pool(self.f_key(low), self.sizes)
        weights = F.softmax(key.shape[1] ** -0.5 * (query @ key), -1)
        context = (weights @ value).transpose(1, 2)
        return self.W(context.unflatten(2, high.shape[2:]))


class Block(nn.Module):
    """AFNB, or APNB where `high` is None."""

    attention: type[Attention] = Attention

    def __init__(self, low: int, high: int | None, w: Widths) -> None:
        super().__init__()
        out = low if high is None else high
        self.stages = nn.ModuleList([self.attention(low, high, out, w)])
        self.conv_bn = ConvBN(2 * out, out, relu=high is None)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, low: Tensor, high: Tensor | None = None) -> Tensor:
        """Fuse two maps, or one with itself."""
        high = low if high is None else high
        context = self.stages[0](low, high)
        return self.dropout(self.conv_bn(torch.cat([context, high], 1)))


class AuxiliaryHead(nn.Module):
    """3x3 convolution, dropout, classifier."""

    def __init__(self, low: int, classes: int) -> None:
        super().__init__()
        self.conv_bn_relu = ConvBN(low, low // 2, 3)
        self.dropout = nn.Dropout(DROPOUT)
        self.conv = nn.Conv2d(low // 2, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_low, H, W) to (N, classes, H, W)."""
        return self.conv(self.dropout(self.conv_bn_relu(x)))


class Head(nn.Module):
    """The whole head in PaddleSeg's form; the auxiliary head runs in evaluation too, as there."""

    block: type[Block] = Block

    def __init__(self, w: Widths) -> None:
        super().__init__()
        self.fusion = self.block(w.low, w.high, w)
        self.context = nn.Sequential(ConvBN(w.high, w.inter, 3), self.block(w.inter, None, w))
        self.cls = nn.Conv2d(w.inter, w.classes, 1)
        self.auxlayer = AuxiliaryHead(w.low, w.classes)

    def forward(self, feat_list: Sequence[Tensor]) -> list[Tensor]:
        """Map the low-level and the high-level map to logits and auxiliary logits."""
        low, high = feat_list
        logits = [self.cls(self.context(self.fusion(low, high)))]
        return [*logits, self.auxlayer(low)] if self.runs_auxiliary() else logits

    def runs_auxiliary(self) -> bool:
        """Tell whether the auxiliary logits are computed."""
        return True
