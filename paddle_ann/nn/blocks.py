"""The asymmetric non-local blocks: one attention core, AFNB and APNB around it.

Each block computes `conv1x1(concat([context, x]))`, where context is the attention of x's L
positions over S sampled positions. What the algebra allows is computed on S positions: the value
projection (averaging is linear), the output projection `W` and the context half of the fusing
convolution (rows of the attention sum to 1). Outputs, gradients and parameters are PaddleSeg's.

The attribute names `stages`, `f_key`, `f_query`, `f_value`, `W` and `conv_bn` are those of
PaddleSeg's checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

from paddle import Tensor, nn

from paddle_ann.nn import functional
from paddle_ann.nn.checks import check_channels, check_feature_map, check_probability
from paddle_ann.nn.conv import ConvBN, ConvBNReLU
from paddle_ann.nn.dropout import Dropout
from paddle_ann.nn.sampling import PyramidSampling


class AsymmetricAttention(nn.Layer):
    """Project a map to query, key and value, and sample key and value. Paper section 3.2.

    Args:
        low_in_channels: channels of the map that is attended to.
        high_in_channels: channels of the map that asks; None shares one projection for query and
            key, as APNB does (the maps are then the same one).
        out_channels: channels of the context.
        key_channels: channels of query and key.
        value_channels: channels of the value.
        pool_sizes: grid sizes of the pyramid sampling.
        zero_init: start `W` at zero, as the authors' code does, so that the context begins at 0.
    """

    def __init__(
        self,
        low_in_channels: int,
        high_in_channels: int | None,
        out_channels: int,
        key_channels: int,
        value_channels: int,
        pool_sizes: Sequence[int] = (1, 3, 6, 8),
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        self.sampling = PyramidSampling(pool_sizes)
        self.f_key = ConvBNReLU(low_in_channels, key_channels)
        self.f_query = (
            self.f_key if high_in_channels is None else ConvBNReLU(high_in_channels, key_channels)
        )
        self.f_value = nn.Conv2D(low_in_channels, value_channels, 1)
        self.W = nn.Conv2D(value_channels, out_channels, 1)
        if zero_init:
            nn.initializer.Constant(0.0)(self.W.weight)
            nn.initializer.Constant(0.0)(self.W.bias)

    def attend(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the attention and what it averages.

        Args:
            low: (N, C_low, H', W').
            high: (N, C_high, H, W); `low` itself where the projection is shared.

        Returns:
            The weights (N, L, S), rows that sum to 1, and the projected values (N, C_out, S).
        """
        key = self.f_key(low)
        query = key if self.f_query is self.f_key else self.f_query(high)
        weights = functional.attention_weights(query.flatten(2), self.sampling(key))
        values = functional.pointwise(self.sampling(low), self.f_value.weight, self.f_value.bias)
        return weights, functional.pointwise(values, self.W.weight, self.W.bias)


class AsymmetricBlock(nn.Layer):
    """Attention, fusion with the map that asks, dropout: what AFNB and APNB have in common."""

    def __init__(
        self,
        conv: type[ConvBN],
        low_in_channels: int,
        high_in_channels: int | None,
        out_channels: int,
        key_channels: int,
        value_channels: int,
        dropout_prob: float,
        pool_sizes: Sequence[int],
        zero_init: bool,
        channel_dropout: bool,
    ) -> None:
        super().__init__()
        widths = (low_in_channels, high_in_channels, out_channels, key_channels, value_channels)
        self.stages = nn.LayerList([AsymmetricAttention(*widths, pool_sizes, zero_init)])
        self.conv_bn = conv(out_channels + (high_in_channels or low_in_channels), out_channels)
        self.dropout = make_dropout(dropout_prob, channel_dropout)

    def _fuse(self, low: Tensor, high: Tensor) -> Tensor:
        weights, values = self.stages[0].attend(low, high)
        conv = self.conv_bn._conv
        fused = functional.fuse(weights, values, high.flatten(2), conv.weight, conv.bias)
        return self.dropout(self.conv_bn.normalize(fused, high))


class AFNB(AsymmetricBlock):
    """Asymmetric Fusion Non-local Block: a high-level map attends to a low-level one.

    Paper section 3.4, equations 5 to 9. The output has batch norm and no ReLU, as in the authors'
    code.

    Args:
        low_in_channels: channels of the low-level map.
        high_in_channels: channels of the high-level map.
        out_channels: channels of context and output.
        key_channels: channels of query and key.
        value_channels: channels of the value.
        dropout_prob: probability of dropping an element of the output, in [0, 1).
        pool_sizes: grid sizes of the pyramid sampling, each at least 1.
        zero_init: start the output projection `W` at zero, as the authors do.
        channel_dropout: drop whole channels, as the authors do, and not single elements.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if channels or a pool size are below 1, or the probability out of range.
    """

    def __init__(
        self,
        low_in_channels: int,
        high_in_channels: int,
        out_channels: int,
        key_channels: int,
        value_channels: int,
        dropout_prob: float = 0.05,
        pool_sizes: Sequence[int] = (1, 3, 6, 8),
        zero_init: bool = False,
        channel_dropout: bool = False,
    ) -> None:
        check_channels(
            low_in_channels=low_in_channels,
            high_in_channels=high_in_channels,
            out_channels=out_channels,
            key_channels=key_channels,
            value_channels=value_channels,
        )
        super().__init__(
            ConvBN,
            low_in_channels,
            high_in_channels,
            out_channels,
            key_channels,
            value_channels,
            dropout_prob,
            pool_sizes,
            zero_init,
            channel_dropout,
        )
        self.low_in_channels, self.high_in_channels = low_in_channels, high_in_channels

    def forward(self, low_feats: Tensor, high_feats: Tensor) -> Tensor:
        """Fuse two maps.

        Args:
            low_feats: (N, C_low, H', W').
            high_feats: (N, C_high, H, W).

        Returns:
            (N, C_out, H, W).

        Raises:
            TypeError: if an input is no tensor.
            ValueError: if an input is not 4-D, has other channels, or the batches differ.
        """
        check_feature_map("low_feats", low_feats, self.low_in_channels)
        check_feature_map("high_feats", high_feats, self.high_in_channels, batch_of=low_feats)
        return self._fuse(low_feats, high_feats)


class APNB(AsymmetricBlock):
    """Asymmetric Pyramid Non-local Block: a map attends to samples of itself. Paper section 3.3.

    Query and key share one projection (the authors: "little effect, fewer parameters"), which is
    run once. PaddleSeg runs it twice, so in training its running statistics move twice a step
    there and once here; outputs and gradients are the same.

    Args:
        in_channels: channels of the map.
        out_channels: channels of context and output.
        key_channels: channels of query and key.
        value_channels: channels of the value.
        dropout_prob: probability of dropping an element of the output, in [0, 1).
        pool_sizes: grid sizes of the pyramid sampling, each at least 1.
        zero_init: start the output projection `W` at zero, as the authors do.
        channel_dropout: drop whole channels, as the authors do, and not single elements.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if channels or a pool size are below 1, or the probability out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        key_channels: int,
        value_channels: int,
        dropout_prob: float = 0.05,
        pool_sizes: Sequence[int] = (1, 3, 6, 8),
        zero_init: bool = False,
        channel_dropout: bool = False,
    ) -> None:
        check_channels(
            in_channels=in_channels,
            out_channels=out_channels,
            key_channels=key_channels,
            value_channels=value_channels,
        )
        super().__init__(
            ConvBNReLU,
            in_channels,
            None,
            out_channels,
            key_channels,
            value_channels,
            dropout_prob,
            pool_sizes,
            zero_init,
            channel_dropout,
        )
        self.in_channels = in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C_out, H, W), not negative.

        Raises:
            TypeError: if `x` is no tensor.
            ValueError: if `x` is not 4-D or has other channels.
        """
        check_feature_map("x", x, self.in_channels)
        return self._fuse(x, x)


def make_dropout(probability: float, channel: bool) -> nn.Layer:
    """Make a dropout of single elements, or of whole channels."""
    check_probability("dropout_prob", probability)
    return nn.Dropout2D(probability) if channel else Dropout(probability)
