"""Backbones that PaddleSeg 2.8.0 does not have, and that published weights need."""

from paddle_ann.backbones.resnet import (
    ResNet,
    ResNet18,
    ResNet34,
    ResNet50,
    ResNet50_deepbase,
    ResNet50_v1c,
    ResNet101,
    ResNet101_deepbase,
    ResNet101_v1c,
)

__all__ = [
    "ResNet",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet50_deepbase",
    "ResNet50_v1c",
    "ResNet101",
    "ResNet101_deepbase",
    "ResNet101_v1c",
]
