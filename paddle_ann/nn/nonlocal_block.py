"""The dense non-local block, for comparison: every position attends to every position."""

from __future__ import annotations

import paddle
from paddle import Tensor, nn

from paddle_ann.nn import functional
from paddle_ann.nn.blocks import make_dropout
from paddle_ann.nn.checks import check_channels, check_feature_map
from paddle_ann.nn.conv import ConvBNReLU


class NonLocalBlock(nn.Layer):
    """Embedded-Gaussian non-local block with concatenation: APNB without the sampling.

    Time and memory grow with (H * W)^2. Parameter names and shapes are APNB's, so that weights
    carry over; at pool size = H = W the two compute the same. Wang et al., "Non-local Neural
    Networks" (CVPR 2018); paper of ANN, section 3.1, equations 1 to 4.

    Args:
        in_channels: channels of the map.
        out_channels: channels of context and output.
        key_channels: channels of query and key, which share one projection as in APNB.
        value_channels: channels of the value.
        dropout_prob: probability of dropping an element of the output, in [0, 1).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        key_channels: int,
        value_channels: int,
        dropout_prob: float = 0.05,
    ) -> None:
        super().__init__()
        check_channels(
            in_channels=in_channels,
            out_channels=out_channels,
            key_channels=key_channels,
            value_channels=value_channels,
        )
        self.in_channels = in_channels
        stage = nn.Layer()
        stage.f_key = ConvBNReLU(in_channels, key_channels)
        stage.f_query = stage.f_key
        stage.f_value = nn.Conv2D(in_channels, value_channels, 1)
        stage.W = nn.Conv2D(value_channels, out_channels, 1)
        self.stages = nn.LayerList([stage])
        self.conv_bn = ConvBNReLU(out_channels + in_channels, out_channels)
        self.dropout = make_dropout(dropout_prob, channel=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C_out, H, W), not negative."""
        check_feature_map("x", x, self.in_channels)
        stage = self.stages[0]
        query = stage.f_query(x).flatten(2)
        weights = functional.attention_weights(query, query)
        values = functional.pointwise(x.flatten(2), stage.f_value.weight, stage.f_value.bias)
        context = functional.weighted_sum(weights, values)
        context = functional.pointwise(context, stage.W.weight, stage.W.bias)
        both = paddle.concat([context, x.flatten(2)], axis=1)
        conv = self.conv_bn._conv
        fused = functional.pointwise(both, conv.weight, conv.bias)
        return self.dropout(self.conv_bn.normalize(fused, x))
