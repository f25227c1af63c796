"""ANN, the segmentation network: a backbone, AFNB, APNB and a classifier.

Zhu et al., "Asymmetric Non-local Neural Networks for Semantic Segmentation", ICCV 2019. Argument
names are those of PaddleSeg's YAML files and parameter names those of its checkpoints; official
`.pdparams` load with no conversion.
"""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import Tensor, nn
from paddleseg.models.layers import AuxLayer
from paddleseg.utils import utils

from paddle_ann.nn import AFNB, APNB, ConvBNReLU
from paddle_ann.nn.checks import check_channels, check_flags
from paddle_ann.nn.dropout import Dropout
from paddle_ann.nn.resizing import resize

DROPOUT = 0.05  # in AFNB, APNB and the auxiliary head, as in PaddleSeg and the authors' code


class ANNHead(nn.Layer):
    """AFNB, a 3x3 convolution, APNB and the classifier, with an auxiliary head for training.

    Args:
        num_classes: number of classes, at least 2.
        backbone_indices: which outputs of the backbone are the low-level and the high-level map.
        backbone_channels: the channels of those two.
        key_value_channels: channels of query, key and value in both blocks.
        inter_channels: channels of APNB's input and output.
        psp_size: grid sizes of the pyramid sampling in both blocks.
        enable_auxiliary_loss: return the auxiliary head's logits too, in training mode.
        use_fusion: False leaves AFNB out (ablation).
        use_context: False leaves APNB out (ablation). With both off this is an FCN head.
        zero_init: start the blocks' output projections at zero, as the authors do.
        channel_dropout: drop whole channels in the blocks, as the authors do.
        value_channels: channels of the value, if they are not those of query and key.
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
        key_value_channels: int,
        inter_channels: int,
        psp_size: Sequence[int],
        enable_auxiliary_loss: bool = True,
        use_fusion: bool = True,
        use_context: bool = True,
        zero_init: bool = False,
        channel_dropout: bool = False,
        value_channels: int | None = None,
        auxiliary_channels: int | None = None,
    ) -> None:
        super().__init__()
        check_num_classes(num_classes)
        check_channels(key_value_channels=key_value_channels, inter_channels=inter_channels)
        check_flags(enable_auxiliary_loss=enable_auxiliary_loss, use_fusion=use_fusion)
        check_flags(use_context=use_context, zero_init=zero_init, channel_dropout=channel_dropout)
        low, high = backbone_channels
        values = key_value_channels if value_channels is None else value_channels
        projections = (key_value_channels, values, DROPOUT, psp_size)
        options = (zero_init, channel_dropout)
        if use_fusion:
            self.fusion = AFNB(low, high, high, *projections, *options)
        context: list[nn.Layer] = [ConvBNReLU(high, inter_channels, 3)]
        if use_context:
            context.append(APNB(inter_channels, inter_channels, *projections, *options))
        self.context = nn.Sequential(*context)
        self.cls = nn.Conv2D(inter_channels, num_classes, 1)
        self.auxlayer = AuxiliaryHead(low, num_classes, auxiliary_channels)
        self.backbone_indices = tuple(backbone_indices)
        self.enable_auxiliary_loss = enable_auxiliary_loss
        self.use_fusion = use_fusion

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
        x = self.fusion(low, high) if self.use_fusion else high
        logits = [self.cls(self.context(x))]
        if self.training and self.enable_auxiliary_loss:
            logits.append(self.auxlayer(low))
        return logits


class ANN(nn.Layer):
    """Asymmetric Non-local Neural Network, as PaddleSeg's YAML files describe it.

    Differs from `paddleseg.models.ANN` in what the user can see only here: `psp_size` has an
    effect, and the auxiliary logits are computed in training mode alone.

    Args:
        num_classes: number of classes, at least 2.
        backbone: a layer that returns a list of maps and has `feat_channels`, e.g. ResNet101_vd.
        backbone_indices: two indices into that list: low-level map, high-level map.
        key_value_channels: channels of query, key and value in both blocks.
        inter_channels: channels of APNB's input and output.
        psp_size: grid sizes of the pyramid sampling.
        enable_auxiliary_loss: return auxiliary logits in training; the loss config then needs two
            coefficients.
        align_corners: how logits are resized to the image: False for even sizes such as 1024x512,
            True for odd ones such as 769x769.
        pretrained: path or URL of a `.pdparams` of the whole network.
        use_fusion: False leaves AFNB out (ablation).
        use_context: False leaves APNB out (ablation).
        zero_init: start the blocks' output projections at zero, as the authors do.
        channel_dropout: drop whole channels in the blocks, as the authors do.
        value_channels: channels of the value, if they are not those of query and key.
        auxiliary_channels: channels inside the auxiliary head; half of its input's by default.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if a number is out of its range, or an index not among the backbone's outputs.
    """

    def __init__(
        self,
        num_classes: int,
        backbone: nn.Layer,
        backbone_indices: Sequence[int] = (2, 3),
        key_value_channels: int = 256,
        inter_channels: int = 512,
        psp_size: Sequence[int] = (1, 3, 6, 8),
        enable_auxiliary_loss: bool = True,
        align_corners: bool = False,
        pretrained: str | None = None,
        use_fusion: bool = True,
        use_context: bool = True,
        zero_init: bool = False,
        channel_dropout: bool = False,
        value_channels: int | None = None,
        auxiliary_channels: int | None = None,
    ) -> None:
        super().__init__()
        check_flags(align_corners=align_corners)
        backbone_channels = select_channels(backbone, backbone_indices)
        self.backbone = backbone
        self.num_classes = num_classes
        self.head = ANNHead(
            num_classes,
            backbone_indices,
            backbone_channels,
            key_value_channels,
            inter_channels,
            psp_size,
            enable_auxiliary_loss,
            use_fusion,
            use_context,
            zero_init,
            channel_dropout,
            value_channels,
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


def resize_logits(logits: list[Tensor], image: Tensor, align_corners: bool) -> list[Tensor]:
    """Resize each (N, num_classes, h, w) bilinearly to H and W of `image` (N, 3, H, W)."""
    size = image.shape[2:] if paddle.in_dynamic_mode() else paddle.shape(image)[2:]
    return [resize(x, size, align_corners) for x in logits]


class AuxiliaryHead(AuxLayer):
    """PaddleSeg's auxiliary head on this package's cheaper convolution and dropout.

    Its parameters are made in PaddleSeg's order, so that one seed gives both the same weights.

    Args:
        in_channels: channels of the low-level map.
        num_classes: number of classes.
        channels: channels between the two convolutions; half of `in_channels` by default.
    """

    def __init__(self, in_channels: int, num_classes: int, channels: int | None = None) -> None:
        nn.Layer.__init__(self)
        channels = in_channels // 2 if channels is None else channels
        check_channels(auxiliary_channels=channels)
        self.conv_bn_relu = ConvBNReLU(in_channels, channels, 3)
        self.dropout = Dropout(DROPOUT)
        self.conv = nn.Conv2D(channels, num_classes, 1)


def check_num_classes(num_classes: int) -> None:
    """Raise if `num_classes` is no integer of at least 2."""
    if isinstance(num_classes, bool) or not isinstance(num_classes, int):
        raise TypeError(f"num_classes must be an integer of at least 2; received {num_classes!r}.")
    if num_classes < 2:
        raise ValueError(
            f"num_classes must be at least 2; received {num_classes}. Count the background as a "
            "class: one kind of object and background are 2 classes."
        )


def select_channels(backbone: nn.Layer, indices: Sequence[int]) -> list[int]:
    """Return the channels of the backbone's outputs at two `indices`, or raise by name."""
    channels = getattr(backbone, "feat_channels", None)
    if channels is None:
        raise TypeError(
            "backbone must be a layer with `feat_channels`, the channels of the maps it returns; "
            f"received {type(backbone).__name__}. Use one of PaddleSeg's, e.g. ResNet101_vd()."
        )
    if isinstance(indices, int) or len(indices) != 2:
        raise ValueError(
            "backbone_indices must be two indices, of the low-level and the high-level map, e.g. "
            f"(2, 3); received {indices!r}."
        )
    for index in indices:
        if not isinstance(index, int) or not -len(channels) <= index < len(channels):
            raise ValueError(
                f"backbone_indices must lie in the {len(channels)} outputs of "
                f"{type(backbone).__name__}; received {list(indices)!r}."
            )
    return [channels[i] for i in indices]
