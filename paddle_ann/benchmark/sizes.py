"""The sizes that are measured, and the tiny ones that only test the machinery."""

from __future__ import annotations

from dataclasses import dataclass

from paddle_ann.benchmark.macs import Widths


@dataclass(frozen=True)
class Sizes:
    """All sizes of the benchmark.

    Attributes:
        head: widths of the head and its map.
        image: side of the square images of the whole network.
        backbones: names of PaddleSeg's backbones.
        channels: width of the map in the comparison with the dense non-local block.
        maps: (height, width) of that comparison, ascending; the paper's are the last of them.
        gemm: sizes (m, k, n) of the matrix products that stand for the machine's best.
        images: how many the evaluation reads.
        image_size: (height, width) of those.
        graphs: feature maps of `--graphs torch`, for images of 512x512 and 1024x2048.
    """

    head: Widths
    image: int
    backbones: tuple[str, ...]
    channels: int
    maps: tuple[tuple[int, int], ...]
    gemm: tuple[tuple[int, int, int], ...]
    images: int
    image_size: tuple[int, int]
    graphs: tuple[tuple[int, int], ...]


FULL = Sizes(
    head=Widths(),
    image=512,
    backbones=("ResNet18_vd", "ResNet50_vd", "ResNet101_vd"),
    channels=2048,
    maps=((32, 32), (48, 48), (64, 64), (96, 96), (128, 128), (128, 192), (128, 256)),
    gemm=((2048, 2048, 2048), (4096, 4096, 4096), (512, 18432, 4096)),
    images=50,
    image_size=(256, 256),
    graphs=((64, 64), (128, 256)),
)

QUICK = Sizes(
    head=Widths(22, 34, 13, 13, 17, 5, height=11, width=13),
    image=65,
    backbones=("ResNet18_vd",),
    channels=34,
    maps=((4, 4), (8, 8), (8, 16)),
    gemm=((64, 64, 64), (96, 96, 96)),
    images=3,
    image_size=(64, 64),
    graphs=((11, 13),),
)


def sizes(quick: bool) -> Sizes:
    """Returns the sizes to measure."""
    return QUICK if quick else FULL
