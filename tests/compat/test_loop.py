"""The whole loops: what newer scripts of PaddleSeg give them."""

from __future__ import annotations

import pytest

from paddle_ann.compat.loop import taking_newer_arguments
from paddle_ann.engine import TrainOptions


def train(*args, **options):
    """Ours, that tells what it was given."""
    return args, options


def test_arguments_of_the_development_branch():
    newer = taking_newer_arguments(train)
    assert newer("model", iters=3, logger=print, print_mem_info=True, shuffle=True) == (
        ("model",),
        {"iters": 3},
    )
    _, given = newer("model", early_stop_intervals=5, options=TrainOptions(accumulate=2))
    assert (given["options"].patience, given["options"].accumulate) == (5, 2)
    assert newer("model", early_stop_intervals=4)[1]["options"].patience == 4
    assert newer.__doc__ == train.__doc__


@pytest.mark.parametrize("given", [{"shuffle": False}, {"uniform_output_enabled": True}])
def test_what_cannot_be_done_is_said(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        taking_newer_arguments(train)("model", **given)
