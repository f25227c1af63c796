"""Our two forms of the head, transcribed to PyTorch: the cheap graph and the inference graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from paddle_ann.benchmark.torch_head import Attention, Block, ConvBN, Head


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply a 1x1 convolution to (N, C, P) as one product."""
    out = weight.flatten(1) @ x
    return out if bias is None else out + bias.unsqueeze(-1)


def averaging_matrix(length: int, size: int, like: Tensor) -> Tensor:
    """Make the (size, length) matrix whose rows average the bins of adaptive pooling."""
    bins = torch.arange(size, device=like.device).unsqueeze(1)
    start, end = bins * length // size, -(-(bins + 1) * length // size)
    position = torch.arange(length, device=like.device)
    inside = (position >= start) & (position < end)
    return inside.to(like.dtype) / (end - start).to(like.dtype)


def sample(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Sample (N, C, H, W) at (N, C, S) positions by two products."""
    height, width = x.shape[2:]
    columns = torch.cat([averaging_matrix(width, s, x) for s in sizes])
    strips = (x @ columns.T).split(list(sizes), -1)
    grids = [averaging_matrix(height, s, x) @ part for s, part in zip(sizes, strips)]
    return torch.cat([grid.flatten(2) for grid in grids], -1)


def attention_weights(query: Tensor, key: Tensor) -> Tensor:
    """Compare every position with every sampled one, softmax in at least float32: (N, L, S)."""
    similarity = query.transpose(1, 2) @ (key * key.shape[1] ** -0.5)
    return F.softmax(similarity, -1, dtype=torch.promote_types(similarity.dtype, torch.float32))


class CheapAttention(Attention):
    """The same attention, its values and `W` on S positions."""

    def attend(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the weights (N, L, S) and the sampled context (N, C_out, S)."""
        key = self.f_key(low)
        query = key if self.f_query is self.f_key else self.f_query(high)
        weights = attention_weights(query.flatten(2), sample(key, self.sizes))
        values = pointwise(sample(low, self.sizes), self.f_value.weight, self.f_value.bias)
        return weights, pointwise(values, self.W.weight, self.W.bias)


class CheapBlock(Block):
    """The same block without the concatenation."""

    attention = CheapAttention

    def forward(self, low: Tensor, high: Tensor | None = None) -> Tensor:
        """Fuse two maps, or one with itself."""
        high = low if high is None else high
        weights, values = self.stages[0].attend(low, high)
        conv = self.conv_bn._conv
        for_context, for_map = conv.weight.flatten(1).split([values.shape[1], high.shape[1]], 1)
        values = pointwise(values, for_context, conv.bias)
        fused = for_map @ high.flatten(2) + values @ weights.to(values.dtype).transpose(1, 2)
        normalized = self.conv_bn._batch_norm(fused.unflatten(2, high.shape[2:]))
        return self.dropout(self.conv_bn.activate(normalized))


class CheapHead(Head):
    """Our training form; the auxiliary head runs in training only."""

    block = CheapBlock

    def runs_auxiliary(self) -> bool:
        """Tell whether the auxiliary logits are computed."""
        return self.training


class FoldedAttention(nn.Module):
    """Attention weights, and sampled values with all that follows them folded in.

    Args:
        stage: the attention.
        kernel: what follows the values, (C_out, C_v, k, k).
        bias: (C_out, k, k).
    """

    def __init__(self, stage: CheapAttention, kernel: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.sizes, self.value = stage.sizes, stage.f_value
        self.shared = stage.f_query is stage.f_key
        self.key, self.query = folded(stage.f_key), folded(stage.f_query)
        self.out = kernel.permute(0, 2, 3, 1).flatten(0, 2).contiguous(), bias.flatten()
        self.shape = (kernel.shape[0], kernel.shape[2] * kernel.shape[3])

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return weights (N, L, S) and values (N, C_out, k * k, S)."""
        key = F.relu(pointwise(low.flatten(2), *self.key))
        query = key if self.shared else F.relu(pointwise(high.flatten(2), *self.query))
        sampled = sample(key.unflatten(2, low.shape[2:]), self.sizes)
        values = pointwise(sample(low, self.sizes), self.value.weight, self.value.bias)
        values = pointwise(values, *self.out).unflatten(1, self.shape)
        return attention_weights(query, sampled), values


class InferenceHead(nn.Module):
    """Our inference form: AFNB's fusion folded into the 3x3 convolution that follows it.

    Args:
        head: a trained head; it is not changed.
    """

    @torch.no_grad()
    def __init__(self, head: CheapHead) -> None:
        super().__init__()
        self.cls = head.cls
        kernel, self.bias = folded(head.context[0])
        context, for_map, inner = split(head.fusion)
        self.kernel = compose(kernel, for_map)
        taps = torch.einsum("omyx,m->oyx", kernel, inner)
        self.fusion = FoldedAttention(head.fusion.stages[0], compose(kernel, context), taps)
        context, self.for_map, inner = split(head.context[1])
        stage = head.context[1].stages[0]
        self.apnb = FoldedAttention(stage, context[:, :, None, None], inner[:, None, None])

    @torch.no_grad()
    def forward(self, feat_list: Sequence[Tensor]) -> list[Tensor]:
        """Map the low-level and the high-level map to logits."""
        low, high = feat_list
        size = high.shape[2:]
        weights, kernels = self.fusion(low, high)
        columns = F.unfold(weights.transpose(1, 2).unflatten(2, size), 3, padding=1)
        of_context = kernels.transpose(2, 3).flatten(2) @ columns.to(kernels.dtype)
        x = F.conv2d(high, self.kernel, self.bias, padding=1) + of_context.unflatten(2, size)
        x = F.relu(x)
        weights, values = self.apnb(x, x)
        context = values.flatten(2) @ weights.to(values.dtype).transpose(1, 2)
        fused = F.relu(pointwise(x.flatten(2), self.for_map) + context)
        return [self.cls(fused.unflatten(2, size))]


def split(block: CheapBlock) -> tuple[Tensor, Tensor, Tensor]:
    """Fold a block's fusion: what follows the values, what reads the map, the bias."""
    weight, bias = folded(block.conv_bn)
    out = block.stages[0].W
    context, for_map = weight.split([out.out_channels, weight.shape[1] - out.out_channels], 1)
    return context @ out.weight.flatten(1), for_map, context @ out.bias + bias


def compose(kernel: Tensor, weight: Tensor) -> Tensor:
    """Put a 1x1 convolution (C_mid, C_in) in front of a kernel (C_out, C_mid, k, k)."""
    return torch.einsum("omyx,mi->oiyx", kernel, weight)


@torch.no_grad()
def folded(layer: ConvBN) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a convolution with the batch norm's running statistics in it."""
    conv, norm = layer._conv, layer._batch_norm
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = conv.weight * scale[:, None, None, None]
    weight = weight.flatten(1) if conv.kernel_size == (1, 1) else weight
    return weight, (conv.bias - norm.running_mean) * scale + norm.bias
