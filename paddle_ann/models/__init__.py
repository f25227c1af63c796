"""Networks that PaddleSeg's YAML files can name, and their inference form."""

from paddle_ann.models.ann import ANN, ANNHead
from paddle_ann.models.annnet import ANNNet, ANNNetHead
from paddle_ann.models.fused import FusedANN, fuse

__all__ = ["ANN", "ANNHead", "ANNNet", "ANNNetHead", "FusedANN", "fuse"]
