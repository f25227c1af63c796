"""Data sets PaddleSeg lacks, a generated one in Pascal VOC's layout, and checks before training."""

from paddle_ann.datasets.camvid import CamVid
from paddle_ann.datasets.check import CheckResult, check_dataset, check_pair
from paddle_ann.datasets.toy_voc import generate as generate_toy_voc

__all__ = ["CamVid", "CheckResult", "check_dataset", "check_pair", "generate_toy_voc"]
