"""The peers' networks in plain torch, with the parameter names of their checkpoints.

Written from the facts (VARIANTS.md) for these tests, as each peer computes: attention by
adaptive pooling, concatenation, one convolution after the other. Nothing of ours is used.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

# (stride, dilation of the first block, of the others) of the four stages
STRIDE32 = ((1, 1, 1), (2, 1, 1), (2, 1, 1), (2, 1, 1))
STRIDE16 = ((1, 1, 1), (2, 1, 1), (2, 1, 1), (1, 1, 2))
CONTRACTED = ((1, 1, 1), (2, 1, 1), (1, 1, 2), (1, 2, 4))
WHOLE = ((1, 1, 1), (2, 1, 1), (1, 2, 2), (1, 4, 4))
TUTORIAL = ((1, 2, 2), (2, 2, 4), (1, 4, 4), (1, 4, 4))


def conv_bn(inputs, outputs, bias, kernel=1):
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias), nn.BatchNorm2d(
        outputs
    )


class Block(nn.Module):
    def __init__(self, inputs, width, expansion, stride, dilation, avg_down, second_dilation):
        super().__init__()
        outputs = width * (expansion or 1)
        self.expansion = expansion
        if expansion:
            self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
            self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(outputs)
        else:
            self.conv1 = nn.Conv2d(inputs, width, 3, stride, dilation, dilation, bias=False)
            d = second_dilation
            self.conv2 = nn.Conv2d(width, width, 3, 1, d, d, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, 1 if avg_down else stride, bias=False)
            layers = [conv, nn.BatchNorm2d(outputs)]
            if avg_down:
                pool = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
                layers.insert(0, pool)
            self.downsample = nn.Sequential(*layers)

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.expansion:
            out = self.bn3(self.conv3(F.relu(out)))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """`flavour` decides the names of the stem; `stem` has one width (7x7) or three (3x3)."""

    def __init__(
        self, flavour, blocks=(1, 2, 2, 1), widths=(4, 5, 6, 8), stem=(6,), plan=CONTRACTED,
        expansion=4, avg_down=False, ceil=False, classes=None, second=None,
    ):  # fmt: skip
        super().__init__()
        self.flavour, self.deep = flavour, len(stem) == 3
        convs = [nn.Conv2d(3, stem[0], 7, 2, 3, bias=False)]
        if self.deep:
            ends = zip((3, *stem), stem, (2, 1, 1))
            convs = [nn.Conv2d(i, o, 3, s, 1, bias=False) for i, o, s in ends]
        norms = [nn.BatchNorm2d(c.out_channels) for c in convs]
        flat = [m for c, n in zip(convs, norms) for m in (c, n, nn.ReLU())]
        if flavour == "authors":
            names = [f"{n}{i}" for i in range(1, len(convs) + 1) for n in ("conv", "bn", "relu")]
            self.prefix = nn.Sequential(OrderedDict(zip(names, flat)))
        elif not self.deep:
            self.conv1, self.bn1 = flat[:2]
        elif flavour == "timm":
            self.conv1, self.bn1 = nn.Sequential(*flat[:-2]), flat[-2]
        else:
            self.stem = nn.Sequential(*flat)
        self.maxpool = nn.MaxPool2d(3, 2, 1, ceil_mode=ceil)
        inputs = stem[-1]
        for number, (count, width, (stride, first, rest)) in enumerate(
            zip(blocks, widths, plan), 1
        ):
            stage = []
            for i in range(count):
                dilation, later = (first, rest)[i > 0], rest if second is None else second
                where = (stride if i == 0 else 1, dilation, avg_down, later)
                stage.append(Block(inputs, width, expansion, *where))
                inputs = width * (expansion or 1)
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        if classes:
            self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        if self.flavour == "authors":
            x = self.prefix(x)
        elif hasattr(self, "stem"):
            x = self.stem(x)
        else:
            x = F.relu(self.bn1(self.conv1(x)))
        x, maps = self.maxpool(x), []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps


def attend(query, key, value, low, high, sizes):
    def sample(x):
        return torch.cat([F.adaptive_avg_pool2d(x, s).flatten(2) for s in sizes], 2)

    q, k, v = query(high).flatten(2).transpose(1, 2), sample(key(low)), sample(value(low))
    weights = F.softmax(q @ k * k.shape[1] ** -0.5, dim=-1)
    context = (weights @ v.transpose(1, 2)).transpose(1, 2)
    return context.reshape(high.shape[0], -1, *high.shape[2:])


class ConvModule(nn.Module):
    """mmcv's: convolution without bias, batch norm, ReLU."""

    def __init__(self, inputs, outputs, kernel=1, act=True):
        super().__init__()
        self.conv, self.bn = conv_bn(inputs, outputs, False, kernel)
        self.act = act

    def forward(self, x):
        x = self.bn(self.conv(x))
        return F.relu(x) if self.act else x


class MmsegAttention(nn.Module):
    def __init__(self, low, high, out, project, sizes, shared):
        super().__init__()
        self.key_project = ConvModule(low, project)
        self.query_project = self.key_project if shared else ConvModule(high, project)
        self.value_project = nn.Conv2d(low, project, 1)
        self.out_project = nn.Conv2d(project, out, 1)
        self.sizes = sizes

    def forward(self, low, high):
        parts = self.query_project, self.key_project, self.value_project
        return self.out_project(attend(*parts, low, high, self.sizes))


class MmsegBlock(nn.Module):
    def __init__(self, low, high, project, sizes, shared):
        super().__init__()
        self.stages = nn.ModuleList([MmsegAttention(low, high, high, project, sizes, shared)])
        self.bottleneck = ConvModule(2 * high, high, act=shared)

    def forward(self, low, high):
        return self.bottleneck(torch.cat([self.stages[0](low, high), high], 1))


class MmsegHead(nn.Module):
    def __init__(self, low, high, channels, project, classes, sizes=(1, 3, 6, 8)):
        super().__init__()
        self.conv_seg = nn.Conv2d(channels, classes, 1)
        self.fusion = MmsegBlock(low, high, project, sizes, False)
        self.bottleneck = ConvModule(high, channels, 3)
        self.context = MmsegBlock(channels, channels, project, sizes, True)

    def forward(self, low, high):
        x = self.bottleneck(self.fusion(low, high))
        return self.conv_seg(self.context(x, x))


class FCNHead(nn.Module):
    def __init__(self, inputs, channels, classes):
        super().__init__()
        self.conv_seg = nn.Conv2d(channels, classes, 1)
        self.convs = nn.Sequential(ConvModule(inputs, channels, 3))

    def forward(self, x):
        return self.conv_seg(self.convs(x))


class Mmseg(nn.Module):
    """EncoderDecoder: logits at the image's size, main and auxiliary."""

    def __init__(self, backbone, low, high, channels=10, project=7, classes=5, aux=9, **options):
        super().__init__()
        self.backbone = backbone
        self.decode_head = MmsegHead(low, high, channels, project, classes, **options)
        if aux:
            self.auxiliary_head = FCNHead(low, aux, classes)
        self.align_corners = False

    def forward(self, x):
        low, high = self.backbone(x)[2:]
        outputs = [self.decode_head(low, high)]
        if hasattr(self, "auxiliary_head"):
            outputs.append(self.auxiliary_head(low))
        return resized(outputs, x, self.align_corners)


def resized(outputs, x, align_corners):
    size = x.shape[2:]
    return [F.interpolate(o, size, mode="bilinear", align_corners=align_corners) for o in outputs]


def bn_relu(channels):
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


class AuthorsAttention(nn.Module):
    def __init__(self, low, high, out, key, value, sizes, shared):
        super().__init__()
        self.f_key = nn.Sequential(nn.Conv2d(low, key, 1), bn_relu(key))
        self.f_query = (
            self.f_key if shared else nn.Sequential(nn.Conv2d(high, key, 1), bn_relu(key))
        )
        self.f_value = nn.Conv2d(low, value, 1)
        self.W = nn.Conv2d(value, out, 1)
        self.sizes = sizes

    def forward(self, low, high):
        return self.W(attend(self.f_query, self.f_key, self.f_value, low, high, self.sizes))


class AuthorsBlock(nn.Module):
    def __init__(self, low, high, key, value, sizes, shared):
        super().__init__()
        self.stages = nn.ModuleList([AuthorsAttention(low, high, high, key, value, sizes, shared)])
        norm = bn_relu(high) if shared else nn.BatchNorm2d(high)
        self.conv_bn_dropout = nn.Sequential(nn.Conv2d(2 * high, high, 1), norm, nn.Dropout2d(0.05))

    def forward(self, low, high=None):
        high = low if high is None else high
        return self.conv_bn_dropout(torch.cat([self.stages[0](low, high), high], 1))


class Authors(nn.Module):
    def __init__(
        self, backbone, low, high, channels=10, key=7, value=9, classes=5, aux=11,
        sizes=(1, 3, 6, 8),
    ):  # fmt: skip
        super().__init__()
        self.backbone = backbone
        self.fusion = AuthorsBlock(low, high, key, value, sizes, False)
        self.context = nn.Sequential(
            nn.Conv2d(high, channels, 3, padding=1),
            bn_relu(channels),
            AuthorsBlock(channels, channels, key, value, sizes, True),
        )
        self.cls = nn.Conv2d(channels, classes, 1)
        self.dsn = nn.Sequential(
            nn.Conv2d(low, aux, 3, padding=1),
            bn_relu(aux),
            nn.Dropout2d(0.05),
            nn.Conv2d(aux, classes, 1),
        )

    def forward(self, x):
        low, high = self.backbone(x)[2:]
        outputs = [self.cls(self.context(self.fusion(low, high))), self.dsn(low)]
        return resized(outputs, x, True)


def conv_bn_relu(inputs, outputs):
    return nn.Sequential(*conv_bn(inputs, outputs, True), nn.ReLU())


class TutorialAFNP(nn.Module):
    def __init__(self, low, high, key, value):
        super().__init__()
        self.Conv_query = conv_bn_relu(high, key)
        self.Conv_key = conv_bn_relu(low, key)
        self.Conv_value = nn.Conv2d(low, value, 1)
        self.ConvOut = nn.Conv2d(value, high, 1)

    def forward(self, low, high):
        parts = self.Conv_query, self.Conv_key, self.Conv_value
        return self.ConvOut(attend(*parts, low, high, (1, 3, 6, 8)))


class TutorialAPNB(nn.Module):
    def __init__(self, channels, key, value):
        super().__init__()
        self.Conv_Key = conv_bn_relu(channels, key)
        self.Conv_Query = self.Conv_Key
        self.Conv_Value = nn.Conv2d(channels, value, 1)
        self.Conv_Out = nn.Conv2d(value, channels, 1)

    def forward(self, x):
        parts = self.Conv_Query, self.Conv_Key, self.Conv_Value
        return self.Conv_Out(attend(*parts, x, x, (1, 3, 6, 8)))


class Tutorial(nn.Module):
    """The APNB is registered twice: as `APNB` and as `context.3`."""

    def __init__(self, backbone, low, high, channels=10, key=7, value=9, classes=5, aux=11):
        super().__init__()
        self.backbone = backbone
        self.fusion = TutorialAFNP(low, high, key, value)
        self.APNB = TutorialAPNB(channels, key, value)
        layers = (*conv_bn(high, channels, True, 3), nn.ReLU(), self.APNB)
        self.context = nn.Sequential(*layers)
        self.cls = nn.Conv2d(channels, classes, 1)
        layers = (*conv_bn(low, aux, True, 3), nn.ReLU(), nn.Dropout2d(0.05))
        self.dsn = nn.Sequential(*layers, nn.Conv2d(aux, classes, 1))

    def forward(self, x):
        low, high = self.backbone(x)[2:]
        outputs = [self.cls(self.context(self.fusion(low, high))), self.dsn(low)]
        return resized(outputs, x, True)


def randomize(net, seed=0, draw=None):
    """Give every parameter a random value, and batch norms the statistics of random images.

    So nothing cancels, and the activations keep their size through the depth; eval mode. `draw`
    gives the normally distributed array of a name and a shape; without it torch draws.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if not tensor.dtype.is_floating_point:
                continue
            if draw is None:
                random = torch.randn(tensor.shape, generator=generator)
            else:
                random = torch.from_numpy(draw(name, tuple(tensor.shape)))
            if tensor.ndim > 1:
                tensor.copy_(random * (2 / tensor[0].numel()) ** 0.5)
            else:
                tensor.copy_(random * 0.3 + (1.0 if name.endswith("weight") else 0.1))
        norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        net.train()(torch.randn((4, 3, 65, 65), generator=generator))
        for norm in norms:
            norm.momentum = 0.1
            norm.running_var.clamp_(min=0.05)  # of channels that hardly vary
    return net.requires_grad_(False).eval()
