"""The attention weights that a forward pass uses, taken while it runs.

Nothing is computed a second time: the call that gives a block its weights is listened to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import paddle
from paddle import Tensor, nn

from paddle_ann.models.fused import FusedAttention
from paddle_ann.nn.blocks import AsymmetricAttention

__all__ = ["Recorded", "evaluating", "record"]


class Recorded(NamedTuple):
    """What one block did in a forward pass.

    Attributes:
        name: "AFNB" or "APNB"; with the layer's name behind it where a network has several.
        pool_sizes: s of its grids; S = sum of s^2.
        size: (h, w) of the map that asks; L = h * w.
        weights: (N, L, S).
    """

    name: str
    pool_sizes: tuple[int, ...]
    size: tuple[int, int]
    weights: Tensor


@contextmanager
def record(model: nn.Layer) -> Iterator[list[Recorded]]:
    """Listens to a network's attentions; forward passes within append to the list.

    Args:
        model: Any network with AFNB or APNB of this package in it, fused or not.

    Raises:
        TypeError: `model` is no layer.
        ValueError: There is no such block in it.
    """
    recorded: list[Recorded] = []
    found = _attentions(model)
    for name, layer in found.items():
        method = _method(layer)
        object.__setattr__(layer, method, _listening(getattr(layer, method), name, layer, recorded))
    try:
        yield recorded
    finally:
        for layer in found.values():
            object.__delattr__(layer, _method(layer))


def _attentions(model: nn.Layer) -> dict[str, nn.Layer]:
    if not isinstance(model, nn.Layer):
        raise TypeError(f"model must be a network, a paddle.nn.Layer; received {type(model)}.")
    kinds = (AsymmetricAttention, FusedAttention)
    layers = [(path, x) for path, x in model.named_sublayers() if isinstance(x, kinds)]
    if not layers:
        raise ValueError(
            f"model is a {type(model).__name__} with no AFNB and no APNB of paddle_ann in it, so "
            "it has no attention to show. Use paddle_ann.models.ANN or ANNNet with use_fusion or "
            "use_context on; a checkpoint of paddleseg.models.ANN loads into the former as it is."
        )
    kind = {path: "APNB" if _shares_query_and_key(x) else "AFNB" for path, x in layers}
    several = {name for name in kind.values() if list(kind.values()).count(name) > 1}
    return {f"{kind[p]} {p}" if kind[p] in several else kind[p]: x for p, x in layers}


def _shares_query_and_key(layer: nn.Layer) -> bool:
    return layer.shared if isinstance(layer, FusedAttention) else layer.f_query is layer.f_key


def _method(layer: nn.Layer) -> str:
    """The method that takes (low, high) and returns (weights, values)."""
    return "forward" if isinstance(layer, FusedAttention) else "attend"


def _listening(
    attend: Callable[..., Any], name: str, layer: nn.Layer, recorded: list[Recorded]
) -> Callable[..., Any]:
    def attend_and_tell(low: Tensor, high: Tensor) -> Any:
        weights, values = attend(low, high)
        if not paddle.in_dynamic_mode():  # a graph is built: there is nothing to see yet
            return weights, values
        height, width = high.shape[2:]
        sizes = layer.sampling.pool_sizes
        recorded.append(Recorded(name, sizes, (height, width), weights.detach()))
        return weights, values

    return attend_and_tell


@contextmanager
def evaluating(model: nn.Layer) -> Iterator[None]:
    """Puts a network into eval mode; each layer has the mode it was in again afterwards."""
    before = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    model.eval()
    try:
        yield
    finally:
        for layer, training in before:
            layer.training = training
