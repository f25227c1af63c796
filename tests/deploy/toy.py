"""A network of few channels whose classes all occur, and pictures for it."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn
from PIL import Image

from paddle_ann.models import ANN
from tests.helpers import in_mode, randomize

CLASSES = 5


class Backbone(nn.Layer):
    """Two strided convolutions with batch norms: maps at a quarter and an eighth of the image."""

    def __init__(self):
        super().__init__()
        self.feat_channels = [7, 11]
        self.low = nn.Sequential(
            nn.Conv2D(3, 7, 3, stride=4, padding=1), nn.BatchNorm2D(7), nn.ReLU()
        )
        self.high = nn.Sequential(
            nn.Conv2D(7, 11, 3, stride=2, padding=1), nn.BatchNorm2D(11), nn.ReLU()
        )

    def forward(self, x):
        low = self.low(x)
        return [low, self.high(low)]


def make_model(cls=ANN, backbone=None, **options):
    """A network of random weights in eval mode, every class of which is somewhere the largest."""
    defaults = dict(key_value_channels=8, inter_channels=13, backbone_indices=(0, 1))
    model = cls(CLASSES, backbone or Backbone(), **{**defaults, **options})
    return spread_classes(in_mode(randomize(model), False))


def spread_classes(model):
    """Shift the classifier so that no class wins everywhere."""
    with paddle.no_grad():
        logits = model(paddle.to_tensor(normalised([picture(127, 97)])))[0]
        model.head.cls.bias.set_value(model.head.cls.bias - logits.mean([0, 2, 3]))
    return model


def picture(height, width, seed=0):
    """Smooth colours, (H, W, 3) uint8."""
    coarse = np.random.RandomState(seed).randint(0, 256, (7, 5, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def normalised(images, mean=0.5, std=0.5):
    """(N, 3, H, W) float32."""
    batch = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray((batch / 255 - mean) / std, dtype=np.float32)
