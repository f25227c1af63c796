"""Multiply-adds by formula, part by part.

Counted are convolutions, matrix products, pooling (one per element that a bin reads) and softmax
(three per entry: shift and exponentiate, sum, divide). Batch norm, ReLU, dropout and additions
are not: they are folded away or cost memory traffic, not arithmetic. `paddle.flops` counts the
attention's products and pooling as zero and is of no use here.

Every function counts one image. A backward pass costs twice its forward pass: the gradient of the
input and that of the weight are a product each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Parts = dict[str, int]
SOFTMAX = 3
TRAINING = 3  # forward and backward, in forwards


@dataclass(frozen=True)
class Widths:
    """Sizes of a head: channels, classes, pool sizes and the feature map."""

    low: int = 1024
    high: int = 2048
    key: int = 256
    value: int = 256
    inter: int = 512
    classes: int = 21
    height: int = 64
    width: int = 64
    pool_sizes: tuple[int, ...] = (1, 3, 6, 8)

    @property
    def positions(self) -> int:
        """L, the positions of the map."""
        return self.height * self.width

    @property
    def sampled(self) -> int:
        """S, the sampled positions."""
        return sum(s * s for s in self.pool_sizes)


def total(parts: Parts) -> int:
    """Returns the sum of all parts."""
    return sum(parts.values())


def products(parts: Parts) -> int:
    """Returns the sum without pooling and softmax: what a GEMM would do."""
    return sum(count for name, count in parts.items() if name not in ("pooling", "softmax"))


def conv(c_in: int, c_out: int, positions: int, kernel: int = 1) -> int:
    """Counts a convolution of stride 1."""
    return c_in * c_out * kernel * kernel * positions


def adaptive_pooling(channels: int, w: Widths) -> int:
    """Counts four adaptive poolings: the area of every bin."""
    return channels * sum(_read(w.height, s) * _read(w.width, s) for s in w.pool_sizes)


def separable_pooling(channels: int, w: Widths) -> int:
    """Counts pooling as two products with dense averaging matrices."""
    strips = channels * w.height * w.width * sum(w.pool_sizes)
    return strips + channels * w.height * w.sampled


def _read(length: int, size: int) -> int:
    """Counts what the bins of an adaptive pooling read of a line, overlaps twice."""
    return sum(-(-(i + 1) * length // size) - i * length // size for i in range(size))


def attention(w: Widths, value_channels: int, keys: int | None = None) -> Parts:
    """Counts QK, softmax and the weighted sum of `value_channels` over `keys` (or S) positions."""
    entries = w.positions * (w.sampled if keys is None else keys)
    return {
        "QK": w.key * entries,
        "softmax": SOFTMAX * entries,
        "weighted sum": value_channels * entries,
    }


def plain_block(w: Widths, low: int, high: int, out: int) -> Parts:
    """Counts AFNB, or APNB where low and high are one map, as PaddleSeg computes it."""
    length = w.positions
    return {
        "query": conv(high, w.key, length),
        "key": conv(low, w.key, length),
        "value": conv(low, w.value, length),
        "pooling": adaptive_pooling(w.key + w.value, w),
        **attention(w, w.value),
        "W": conv(w.value, out, length),
        "fuse": conv(out + high, out, length),
    }


def cheap_block(w: Widths, low: int, high: int, out: int, shared: bool) -> Parts:
    """Counts the training form: values, W and the context half of the fusion on S positions."""
    length, sampled = w.positions, w.sampled
    return {
        "query": 0 if shared else conv(high, w.key, length),
        "key": conv(low, w.key, length),
        "value": conv(low, w.value, sampled),
        "pooling": separable_pooling(w.key + low, w),
        **attention(w, out),
        "W": conv(w.value, out, sampled),
        "fuse": conv(high, out, length) + conv(out, out, sampled),
    }


def dense_block(w: Widths, channels: int) -> Parts:
    """Counts the dense non-local block, query and key one projection as in APNB."""
    length = w.positions
    return {
        **dense_attention(w, channels),
        "W": conv(w.value, channels, length),
        "fuse": conv(2 * channels, channels, length),
    }


def dense_attention(w: Widths, channels: int) -> Parts:
    """Counts the dense block's projections and attention alone."""
    projections = conv(channels, w.key, w.positions) + conv(channels, w.value, w.positions)
    return {"projections": projections, **attention(w, w.value, keys=w.positions)}


def sampled_attention(w: Widths, channels: int) -> Parts:
    """Counts APNB's projections and attention alone, with W on S positions."""
    parts = cheap_block(w, channels, channels, channels, shared=True)
    return {name: count for name, count in parts.items() if name != "fuse"}


def auxiliary_head(w: Widths) -> int:
    """Counts the 3x3 convolution and the classifier on the low-level map."""
    return conv(w.low, w.low // 2, w.positions, 3) + conv(w.low // 2, w.classes, w.positions)


def head(w: Widths, form: str, auxiliary: bool) -> Parts:
    """Counts a whole head.

    Args:
        w: the sizes.
        form: 'plain' (PaddleSeg's), 'training' or 'inference' (ours).
        auxiliary: whether the auxiliary head is run.

    Raises:
        KeyError: if the form has another name.
    """
    blocks = {"plain": _plain, "training": _training, "inference": _inference}[form](w)
    parts = {
        **_joined(blocks),
        "context 3x3": conv(w.high, w.inter, w.positions, 3),
        "classifier": conv(w.inter, w.classes, w.positions),
    }
    return {**parts, "auxiliary": auxiliary_head(w)} if auxiliary else parts


def _plain(w: Widths) -> Sequence[Parts]:
    return (plain_block(w, w.low, w.high, w.high), plain_block(w, w.inter, w.inter, w.inter))


def _training(w: Widths) -> Sequence[Parts]:
    return (
        cheap_block(w, w.low, w.high, w.high, shared=False),
        cheap_block(w, w.inter, w.inter, w.inter, shared=True),
    )


def _inference(w: Widths) -> Sequence[Parts]:
    apnb = cheap_block(w, w.inter, w.inter, w.inter, shared=True)
    apnb["fuse"] = conv(w.inter, w.inter, w.positions)  # its context half is composed with W
    return (folded_fusion(w), apnb)


def folded_fusion(w: Widths) -> Parts:
    """Counts what is left of AFNB where its fusion is folded into the 3x3 convolution behind it.

    The 3x3 kernel over S channels is built per image from the values, with everything between
    value and 3x3 composed ahead of time; it is then convolved with the attention weights.
    """
    return {
        "query": conv(w.high, w.key, w.positions),
        "key": conv(w.low, w.key, w.positions),
        "value": conv(w.low, w.value, w.sampled),
        "pooling": separable_pooling(w.key + w.low, w),
        "QK": w.key * w.positions * w.sampled,
        "softmax": SOFTMAX * w.positions * w.sampled,
        "kernel": conv(w.value, w.inter, w.sampled, 3),
        "kernel on attention": conv(w.sampled, w.inter, w.positions, 3),
    }


def _joined(blocks: Iterable[Parts]) -> Parts:
    joined: Parts = {}
    for parts in blocks:
        for name, count in parts.items():
            joined[name] = joined.get(name, 0) + count
    return joined
