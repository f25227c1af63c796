"""Networks that PaddleSeg's YAML files can name."""

from paddle_ann.models.ann import ANN, ANNHead

__all__ = ["ANN", "ANNHead"]
