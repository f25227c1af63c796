"""APNB against the dense non-local block, in sizes up to the paper's efficiency table.

The paper counts projections and attention alone (58.0 GMAC of the dense block at 96x96 are three
projections to 256 channels and two products over all pairs). Both are measured: that part, and
the whole block with the output projection and the fusion, which are the same work on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import paddle
from paddle import nn

from paddle_ann.benchmark import macs, workloads
from paddle_ann.benchmark.case import MEMORY, TIME, Case, Settings, Workload
from paddle_ann.benchmark.sizes import sizes
from paddle_ann.benchmark.weights import fill
from paddle_ann.nn import APNB, NonLocalBlock, functional

DENSE, SAMPLED = "non-local block", "APNB"
GROUP = "against the dense non-local block"
PEAK = 10  # bytes per pair of positions: similarity and softmax in float32, and some room


def cases(settings: Settings) -> Iterator[Case]:
    """Yields every size, the attention alone and the whole block."""
    for height, width in sizes(settings.quick).maps:
        for part, make in (("attention alone", attention), ("whole block", block)):
            yield Case(
                f"{part}, {height}x{width}",
                {side: partial(make, settings, side, (height, width)) for side in (DENSE, SAMPLED)},
                quantities=(TIME, MEMORY),
                group=GROUP,
                positions=height * width,
                needs=PEAK * (height * width) ** 2,
            )


def block(settings: Settings, side: str, size: tuple[int, int]) -> Workload:
    """Builds a whole block, as wide at its output as at its input."""
    layer, w = make_layer(settings, side, size)
    parts = (
        macs.dense_block(w, w.high)
        if side == DENSE
        else macs.cheap_block(w, w.high, w.high, w.high, shared=True)
    )
    return forward(layer, lambda x: layer(*x), w, macs.total(parts))


def attention(settings: Settings, side: str, size: tuple[int, int]) -> Workload:
    """Builds projections and attention."""
    layer, w = make_layer(settings, side, size)
    dense = side == DENSE
    parts = macs.dense_attention(w, w.high) if dense else macs.sampled_attention(w, w.high)
    run = dense_attention if dense else sampled_attention
    return forward(layer, partial(run, layer), w, macs.total(parts))


def dense_attention(layer: NonLocalBlock, inputs: list[paddle.Tensor]) -> paddle.Tensor:
    """Compute the attention over all positions and the average it takes."""
    stage, (x,) = layer.stages[0], inputs
    query = stage.f_query(x).flatten(2)
    weights = functional.attention_weights(query, query)
    values = functional.pointwise(x.flatten(2), stage.f_value.weight, stage.f_value.bias)
    return functional.weighted_sum(weights, values)


def sampled_attention(layer: APNB, inputs: list[paddle.Tensor]) -> paddle.Tensor:
    """Compute the attention over the sampled positions and the average it takes."""
    return functional.weighted_sum(*layer.stages[0].attend(inputs[0], inputs[0]))


def make_layer(settings: Settings, side: str, size: tuple[int, int]) -> tuple[Any, macs.Widths]:
    """Builds the block of one side, and the widths to count with."""
    table = sizes(settings.quick)
    w = replace(table.head, high=table.channels, height=size[0], width=size[1])
    make = NonLocalBlock if side == DENSE else APNB
    return fill(make(w.high, w.high, w.key, w.value)), w


def forward(layer: nn.Layer, call: workloads.Call, w: macs.Widths, count: int) -> Workload:
    """Builds the pass; its output is not compared, for the two are different functions."""
    workload = workloads.evaluation(layer, call, [[1, w.high, w.height, w.width]], count)
    return replace(workload, output=None)
