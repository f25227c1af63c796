"""ResNet in the forms that published segmentation weights need, beside PaddleSeg's ResNet_vd.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016. Layers are named as in
torchvision (`conv1`, `layer3.0.conv2`, `downsample.0`); a deep stem as in mmsegmentation (`stem.0`
to `stem.7`), so that their weights convert by renaming the batch-norm statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import paddle.nn.functional as F
from paddle import Tensor, nn
from paddleseg.utils import utils

from paddle_ann.backbones.layout import Stage, stage_layout
from paddle_ann.nn.checks import check_channels
from paddle_ann.nn.conv import batch_norm


class Residual(nn.Layer):
    """One residual block, basic (3x3, 3x3) or bottleneck (1x1, 3x3, 1x1).

    Args:
        in_channels: channels of the input.
        channels: channels of the convolutions inside.
        expansion: output channels / `channels`; None makes a basic block.
        stride: of the first 3x3 convolution and of the shortcut.
        dilations: of the first and the second 3x3; a bottleneck has only the first.
        pool_shortcut: average 2x2 in a strided shortcut and do not skip positions (ResNet-D).
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        expansion: int | None,
        stride: int,
        dilations: tuple[int, int],
        pool_shortcut: bool,
    ) -> None:
        super().__init__()
        out_channels = channels * (expansion or 1)
        if expansion is None:
            self.conv1 = conv3x3(in_channels, channels, stride, dilations[0])
            self.conv2 = conv3x3(channels, channels, 1, dilations[1])
        else:
            self.conv1 = nn.Conv2D(in_channels, channels, 1, bias_attr=False)
            self.conv2 = conv3x3(channels, channels, stride, dilations[0])
            self.conv3 = nn.Conv2D(channels, out_channels, 1, bias_attr=False)
            self.bn3 = batch_norm(out_channels)
        self.bn1, self.bn2 = batch_norm(channels), batch_norm(channels)
        self.bottleneck, self.downsample = expansion is not None, None
        if stride != 1 or in_channels != out_channels:
            self.downsample = make_shortcut(in_channels, out_channels, stride, pool_shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C_in, H, W) to (N, C_out, H / stride, W / stride), rounded up."""
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.bottleneck:
            out = self.bn3(self.conv3(F.relu(out)))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Layer):
    """Stem and four stages of residual blocks; returns the maps of all four.

    Args:
        blocks: number of blocks of each stage.
        bottleneck: bottleneck blocks (ResNet50 and deeper), not basic ones.
        stem_channels: one number: a 7x7 convolution; three: three 3x3 convolutions (deep stem).
        stage_channels: channels inside the blocks of each stage.
        expansion: output channels of a bottleneck / `stage_channels`; 2 in a wide ResNet.
        output_stride: 8, 16 or 32: how much smaller than the image the last map is.
        dilation_scheme: "contracted" (torchvision, mmsegmentation, the authors), "whole"
            (PaddleSeg's ResNet_vd) or "tutorial" (the CamVid tutorial); see `stage_layout`.
        dilate_second: dilate a basic block's second convolution too, as timm and PaddleSeg do and
            mmsegmentation does not.
        pool_shortcut: average in strided shortcuts (ResNet-D, mmsegmentation's ResNetV1d).
        ceil_pool: round the size of the max pool up, as the authors do.
        in_channels: channels of the image.
        pretrained: path or URL of a `.pdparams` of this backbone.

    Attributes:
        feat_channels: channels of the four maps.

    Raises:
        TypeError: if a number of channels is no integer.
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        blocks: Sequence[int] = (3, 4, 6, 3),
        bottleneck: bool = True,
        stem_channels: Sequence[int] = (64,),
        stage_channels: Sequence[int] = (64, 128, 256, 512),
        expansion: int = 4,
        output_stride: int = 8,
        dilation_scheme: str = "contracted",
        dilate_second: bool = True,
        pool_shortcut: bool = False,
        ceil_pool: bool = False,
        in_channels: int = 3,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        check_widths(stem_channels, stage_channels, expansion, in_channels)
        stages = stage_layout(blocks, output_stride, dilation_scheme)
        factor = expansion if bottleneck else None
        self.feat_channels = [c * (factor or 1) for c in stage_channels]
        if len(stem_channels) == 1:
            self.conv1 = nn.Conv2D(in_channels, stem_channels[0], 7, 2, 3, bias_attr=False)
            self.bn1 = batch_norm(stem_channels[0])
        else:
            self.stem = make_deep_stem(in_channels, stem_channels)
        self.deep_stem = len(stem_channels) > 1
        self.maxpool = nn.MaxPool2D(3, 2, 1, ceil_mode=ceil_pool)
        inputs = [stem_channels[-1], *self.feat_channels]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            make_stage(before, channels, stage, factor, dilate_second, pool_shortcut)
            for before, channels, stage in zip(inputs, stage_channels, stages)
        )
        self.pretrained = pretrained
        if pretrained is not None:
            utils.load_pretrained_model(self, pretrained)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map images (N, in_channels, H, W) to the four stages' maps.

        Returns:
            Four maps (N, feat_channels[i], H / s, W / s), s = 4, 8, ... up to `output_stride`.
        """
        x = self.maxpool(self.stem(x) if self.deep_stem else F.relu(self.bn1(self.conv1(x))))
        maps = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps


def conv3x3(in_channels: int, out_channels: int, stride: int = 1, dilation: int = 1) -> nn.Conv2D:
    """Make a 3x3 convolution that keeps the size of the map but for its stride."""
    return nn.Conv2D(in_channels, out_channels, 3, stride, dilation, dilation, bias_attr=False)


def make_deep_stem(in_channels: int, channels: Sequence[int]) -> nn.Sequential:
    """Make 3x3 convolutions with batch norm and ReLU, the first of stride 2."""
    layers: list[nn.Layer] = []
    for stride, before, after in zip((2, 1, 1), (in_channels, *channels), channels):
        layers += [conv3x3(before, after, stride), batch_norm(after), nn.ReLU()]
    return nn.Sequential(*layers)


def make_shortcut(in_channels: int, out_channels: int, stride: int, pool: bool) -> nn.Sequential:
    """Make the 1x1 shortcut; with `pool` it is behind an average of stride x stride."""
    conv_stride = 1 if pool else stride
    conv = nn.Conv2D(in_channels, out_channels, 1, conv_stride, bias_attr=False)
    if not pool:
        return nn.Sequential(conv, batch_norm(out_channels))
    average = nn.Identity() if stride == 1 else nn.AvgPool2D(stride, stride, ceil_mode=True)
    return nn.Sequential(average, conv, batch_norm(out_channels))


def make_stage(
    in_channels: int,
    channels: int,
    stage: Stage,
    expansion: int | None,
    dilate_second: bool,
    pool_shortcut: bool,
) -> nn.Sequential:
    """Make one stage; only its first block strides and has a shortcut with weights."""
    second = stage.dilation if dilate_second else 1
    layers, stride = [], stage.stride
    for dilation in stage.dilations:
        dilations = (dilation, second)
        layers.append(Residual(in_channels, channels, expansion, stride, dilations, pool_shortcut))
        in_channels, stride = channels * (expansion or 1), 1
    return nn.Sequential(*layers)


def check_widths(stem: Sequence[int], stages: Sequence[int], expansion: int, image: int) -> None:
    """Raise if a number of channels cannot be built."""
    for name, widths, lengths in (("stem", stem, (1, 3)), ("stage", stages, (4,))):
        if isinstance(widths, int) or len(widths) not in lengths:
            count = " or ".join(str(n) for n in lengths)
            raise ValueError(f"{name}_channels must be {count} numbers; received {widths!r}.")
        check_channels(**{f"{name}_channels[{i}]": width for i, width in enumerate(widths)})
    check_channels(expansion=expansion, in_channels=image)


def ResNet18(**options: Any) -> ResNet:
    """Make a ResNet-18, torchvision's; `options` are those of `ResNet`."""
    return ResNet(blocks=(2, 2, 2, 2), bottleneck=False, **options)


def ResNet34(**options: Any) -> ResNet:
    """Make a ResNet-34, torchvision's; `options` are those of `ResNet`."""
    return ResNet(blocks=(3, 4, 6, 3), bottleneck=False, **options)


def ResNet50(**options: Any) -> ResNet:
    """Make a ResNet-50, torchvision's; `options` are those of `ResNet`."""
    return ResNet(blocks=(3, 4, 6, 3), **options)


def ResNet101(**options: Any) -> ResNet:
    """Make a ResNet-101, torchvision's; `options` are those of `ResNet`."""
    return ResNet(blocks=(3, 4, 23, 3), **options)


def ResNet50_v1c(**options: Any) -> ResNet:
    """Make mmsegmentation's ResNetV1c of depth 50; `options` are those of `ResNet`."""
    return ResNet(blocks=(3, 4, 6, 3), stem_channels=(32, 32, 64), **options)


def ResNet101_v1c(**options: Any) -> ResNet:
    """Make mmsegmentation's ResNetV1c of depth 101; `options` are those of `ResNet`."""
    return ResNet(blocks=(3, 4, 23, 3), stem_channels=(32, 32, 64), **options)


def ResNet50_deepbase(**options: Any) -> ResNet:
    """Make the ANN authors' `deepbase_resnet50`; `options` are those of `ResNet`."""
    return ResNet(blocks=(3, 4, 6, 3), stem_channels=(64, 64, 128), ceil_pool=True, **options)


def ResNet101_deepbase(**options: Any) -> ResNet:
    """Make the ANN authors' `deepbase_resnet101`; `options` are those of `ResNet`."""
    return ResNet(blocks=(3, 4, 23, 3), stem_channels=(64, 64, 128), ceil_pool=True, **options)
