"""The layers of ANN, on Paddle alone: usable in any network, with no PaddleSeg in sight."""

from paddle_ann.nn.blocks import AFNB, APNB
from paddle_ann.nn.conv import ConvBN, ConvBNReLU
from paddle_ann.nn.nonlocal_block import NonLocalBlock
from paddle_ann.nn.sampling import PyramidSampling

__all__ = ["AFNB", "APNB", "ConvBN", "ConvBNReLU", "NonLocalBlock", "PyramidSampling"]
