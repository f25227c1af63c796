"""ANNNet, the network of a widely read CamVid tutorial: ANN without the concatenations.

It differs from `ANN` in that the attention's context *replaces* the map that asked for it, in AFNB
as in APNB: there is no concatenation, fusing convolution, normalisation or dropout behind it. Both
output projections start at zero, so at first only the classifier's bias and APNB's projection get
a gradient; training wakes the rest up, thanks to biases that do not start at zero: the head is
initialised as PyTorch does by default. Parameter names are those of `ANN` where the layers are.
"""

from __future__ import annotations

from collections.abc import Sequence

from paddle import Tensor, nn
from paddleseg.utils import utils

from paddle_ann.models.ann import (
    DROPOUT,
    AuxiliaryHead,
    check_num_classes,
    resize_logits,
    select_channels,
)
from paddle_ann.nn import ConvBNReLU, functional
from paddle_ann.nn.blocks import AsymmetricAttention
from paddle_ann.nn.checks import check_channels, check_feature_map, check_flags
from paddle_ann.nn.conv import unflatten


class ContextAttention(AsymmetricAttention):
    """The attention alone: each position gets its context. The tutorial's AFNPBlock and APNBBlock.

    Args:
        low_in_channels: channels of the map that is attended to.
        high_in_channels: channels of the map that asks; None shares query and key, as APNB does.
        out_channels: channels of the context.
        key_channels: channels of query and key.
        value_channels: channels of the value.
        pool_sizes: grid sizes of the pyramid sampling.
        zero_init: start the output projection at zero.
    """

    def forward(self, low: Tensor, high: Tensor | None = None) -> Tensor:
        """Compute the context of every position.

        Args:
            low: (N, C_low, H', W').
            high: (N, C_high, H, W); None where query and key are shared, as it is `low` then.

        Returns:
            (N, C_out, H, W).

        Raises:
            TypeError: if an input is no tensor.
            ValueError: if an input is not 4-D, has other channels, or the batches differ.
        """
        check_feature_map("low", low, self.f_value.weight.shape[1])
        if high is None:
            high = low
        channels = self.f_query._conv.weight.shape[1]
        check_feature_map("high", high, channels, batch_of=low)
        weights, values = self.attend(low, high)
        return unflatten(functional.weighted_sum(weights, values), high)


class ANNNetHead(nn.Layer):
    """AFNB's attention, a 3x3 convolution, APNB's attention and the classifier.

    Args:
        num_classes: number of classes, at least 2.
        backbone_indices: which outputs of the backbone are the low-level and the high-level map.
        backbone_channels: the channels of those two.
        key_channels: channels of query and key in both attentions.
        value_channels: channels of the value in both.
        inter_channels: channels of APNB's input and output.
        psp_size: grid sizes of the pyramid sampling in both.
        enable_auxiliary_loss: return the auxiliary head's logits too, in training mode.
        zero_init: start the output projections at zero, as the tutorial does.
        auxiliary_channels: channels inside the auxiliary head; half of its input's by default.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if a number is out of its range.
    """

    def __init__(
        self,
        num_classes: int,
        backbone_indices: Sequence[int],
        backbone_channels: Sequence[int],
        key_channels: int,
        value_channels: int,
        inter_channels: int,
        psp_size: Sequence[int],
        enable_auxiliary_loss: bool = True,
        zero_init: bool = True,
        auxiliary_channels: int | None = None,
    ) -> None:
        super().__init__()
        check_num_classes(num_classes)
        check_channels(
            key_channels=key_channels, value_channels=value_channels, inter_channels=inter_channels
        )
        check_flags(enable_auxiliary_loss=enable_auxiliary_loss, zero_init=zero_init)
        low, high = backbone_channels
        attention = (key_channels, value_channels, psp_size, zero_init)
        self.fusion = ContextAttention(low, high, high, *attention)
        self.context = nn.Sequential(
            ConvBNReLU(high, inter_channels, 3),
            ContextAttention(inter_channels, None, inter_channels, *attention),
        )
        self.cls = nn.Conv2D(inter_channels, num_classes, 1)
        self.auxlayer = AuxiliaryHead(low, num_classes, auxiliary_channels)
        self.auxlayer.dropout = nn.Dropout2D(DROPOUT)
        initialize_as_torch(self, leave=[self.fusion.W, self.context[1].W] if zero_init else [])
        self.backbone_indices = tuple(backbone_indices)
        self.enable_auxiliary_loss = enable_auxiliary_loss

    def forward(self, feat_list: Sequence[Tensor]) -> list[Tensor]:
        """Classify every position.

        Args:
            feat_list: the backbone's outputs, each (N, C_i, H_i, W_i).

        Returns:
            [logits] in eval mode, [logits, auxiliary logits] in training mode with
            `enable_auxiliary_loss`; (N, num_classes, H, W) at the size of the high-level map and,
            for the auxiliary logits, of the low-level one.
        """
        low, high = (feat_list[i] for i in self.backbone_indices)
        logits = [self.cls(self.context(self.fusion(low, high)))]
        if self.training and self.enable_auxiliary_loss:
            logits.append(self.auxlayer(low))
        return logits


def initialize_as_torch(layer: nn.Layer, leave: Sequence[nn.Layer] = ()) -> None:
    """Draw weights and biases of convolutions from U(-b, b), b = fan_in^-0.5, as PyTorch does.

    With Paddle's biases of zero a head whose two output projections are zero would never learn:
    the values behind them, and so the gradients of these projections, would stay zero.

    Args:
        layer: its convolutions are initialised.
        leave: convolutions that stay as they are.
    """
    for conv in layer.sublayers():
        if isinstance(conv, nn.Conv2D) and not any(conv is other for other in leave):
            fan_in = conv.weight.shape[1] * conv.weight.shape[2] * conv.weight.shape[3]
            draw = nn.initializer.Uniform(-(fan_in**-0.5), fan_in**-0.5)
            draw(conv.weight)
            draw(conv.bias)


class ANNNet(nn.Layer):
    """The tutorial's network; with `ResNet50(dilation_scheme="tutorial")` it is that exactly.

    Args:
        num_classes: number of classes, at least 2.
        backbone: a layer that returns a list of maps and has `feat_channels`, e.g. ResNet50.
        backbone_indices: two indices into that list: low-level map, high-level map.
        key_channels: channels of query and key.
        value_channels: channels of the value.
        inter_channels: channels of APNB's input and output.
        psp_size: grid sizes of the pyramid sampling.
        enable_auxiliary_loss: return auxiliary logits in training; the loss config then needs two
            coefficients.
        align_corners: how logits are resized to the image; True in the tutorial.
        zero_init: start the output projections at zero, as the tutorial does.
        auxiliary_channels: channels inside the auxiliary head; half of its input's by default.
        pretrained: path or URL of a `.pdparams` of the whole network.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if a number is out of its range, or an index not among the backbone's outputs.
    """

    def __init__(
        self,
        num_classes: int,
        backbone: nn.Layer,
        backbone_indices: Sequence[int] = (2, 3),
        key_channels: int = 256,
        value_channels: int = 256,
        inter_channels: int = 512,
        psp_size: Sequence[int] = (1, 3, 6, 8),
        enable_auxiliary_loss: bool = True,
        align_corners: bool = True,
        zero_init: bool = True,
        auxiliary_channels: int | None = None,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        check_flags(align_corners=align_corners)
        backbone_channels = select_channels(backbone, backbone_indices)
        self.backbone = backbone
        self.num_classes = num_classes
        self.head = ANNNetHead(
            num_classes,
            backbone_indices,
            backbone_channels,
            key_channels,
            value_channels,
            inter_channels,
            psp_size,
            enable_auxiliary_loss,
            zero_init,
            auxiliary_channels,
        )
        self.align_corners = align_corners
        self.pretrained = pretrained
        if pretrained is not None:
            utils.load_entire_model(self, pretrained)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Segment images.

        Args:
            x: (N, 3, H, W), normalised as the backbone expects.

        Returns:
            [logits] in eval mode, [logits, auxiliary logits] in training mode with
            `enable_auxiliary_loss`; each (N, num_classes, H, W).
        """
        return resize_logits(self.head(self.backbone(x)), x, self.align_corners)
