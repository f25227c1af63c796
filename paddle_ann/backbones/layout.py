"""Where a ResNet strides and where it dilates: the schemes in which published weights differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SCHEMES = ("contracted", "whole", "tutorial")
OUTPUT_STRIDES = (8, 16, 32)

# The CamVid tutorial starts at dilation 2 and doubles it at the one stage that strides.
_TUTORIAL = ((1, 2, 2), (2, 2, 4), (1, 4, 4), (1, 4, 4))  # stride, first dilation, the others


class Stage(NamedTuple):
    """How one stage of a ResNet samples its input."""

    stride: int  # of its first block
    dilations: tuple[int, ...]  # one for each block
    dilation: int  # of the stage: that of every block but, perhaps, the first


def stage_layout(blocks: Sequence[int], output_stride: int, scheme: str) -> list[Stage]:
    """Lay out the four stages behind a stem that strides by 4.

    A stage that would stride beyond `output_stride` doubles the dilation instead. Its first block
    then still has the dilation before it ("contracted": torchvision, timm, mmsegmentation's
    `contract_dilation`, the authors), or the new one already ("whole": PaddleSeg's ResNet_vd).

    Args:
        blocks: The number of blocks of the four stages.
        output_stride: 8, 16 or 32: how much smaller than the image the last map is.
        scheme: "contracted", "whole", or "tutorial": that of the CamVid tutorial, which dilates
            all stages and exists for output stride 8 alone.

    Returns:
        The stages in order.

    Raises:
        ValueError: If an argument is none of those.
    """
    check_layout(blocks, output_stride, scheme)
    if scheme == "tutorial":
        return [
            Stage(stride, (first,) + (other,) * (count - 1), other)
            for count, (stride, first, other) in zip(blocks, _TUTORIAL)
        ]
    stages, reached, dilation = [], 4, 1
    for number, count in enumerate(blocks):
        stride, before = 1 if number == 0 else 2, dilation
        if reached * stride > output_stride:
            stride, dilation = 1, 2 * dilation
        reached *= stride
        first = before if scheme == "contracted" else dilation
        stages.append(Stage(stride, (first,) + (dilation,) * (count - 1), dilation))
    return stages


def check_layout(blocks: Sequence[int], output_stride: int, scheme: str) -> None:
    """Raise a ValueError unless `stage_layout` can lay these out."""
    if isinstance(blocks, int) or len(blocks) != 4 or min(blocks) < 1:
        raise ValueError(
            f"blocks must be four numbers of at least 1, e.g. (3, 4, 6, 3); received {blocks!r}."
        )
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(f"output_stride must be 8, 16 or 32; received {output_stride!r}.")
    if scheme not in SCHEMES:
        raise ValueError(f"dilation_scheme must be one of {SCHEMES}; received {scheme!r}.")
    if scheme == "tutorial" and output_stride != 8:
        raise ValueError(
            "dilation_scheme 'tutorial' exists for output_stride 8 alone; received "
            f"{output_stride}. Take 'contracted'."
        )
