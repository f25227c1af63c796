"""Strides and dilations, as VARIANTS.md tells them of each peer."""

import pytest

from paddle_ann.backbones.layout import stage_layout

BLOCKS = (3, 4, 6, 3)


def table(output_stride, scheme):
    stages = stage_layout(BLOCKS, output_stride, scheme)
    return [s.stride for s in stages], [s.dilations for s in stages]


def test_contracted_is_torchvisions_and_mmsegmentations():
    ones = [(1,) * n for n in BLOCKS]
    assert table(32, "contracted") == ([1, 2, 2, 2], ones)
    assert table(16, "contracted") == ([1, 2, 2, 1], [*ones[:3], (1, 2, 2)])
    deep = [(1, 2, 2, 2, 2, 2), (2, 4, 4)]
    assert table(8, "contracted") == ([1, 2, 1, 1], [*ones[:2], *deep])


def test_whole_is_paddlesegs():
    assert table(8, "whole")[1][2:] == [(2,) * 6, (4,) * 3]
    assert table(16, "whole")[1][2:] == [(1,) * 6, (2,) * 3]


def test_tutorial_dilates_every_stage():
    assert table(8, "tutorial") == ([1, 2, 1, 1], [(2,) * 3, (2, 4, 4, 4), (4,) * 6, (4,) * 3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((BLOCKS, 4, "whole"), "output_stride must be 8, 16 or 32; received 4"),
        ((BLOCKS, 16, "tutorial"), "exists for output_stride 8 alone; received 16"),
        ((BLOCKS, 8, "twice"), "dilation_scheme must be one of .* received 'twice'"),
        (((3, 4), 8, "whole"), r"blocks must be four numbers .* received \(3, 4\)"),
        ((50, 8, "whole"), "received 50"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        stage_layout(*arguments)
