"""Paddle to PyTorch: the state dict that a peer's network loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from paddle import nn

from paddle_ann.convert.renaming import COUNTER, move, rename_to_theirs
from paddle_ann.convert.sources import PARTS, SOURCES
from paddle_ann.convert.tables import RESNET_VD
from paddle_ann.models.annnet import ContextAttention
from paddle_ann.nn import AFNB, APNB
from paddle_ann.state_table import SHOWN

Arrays = dict[str, np.ndarray]

_TARGETS = ("torch", *SOURCES)
_FROM_VD = tuple((f"backbone.{theirs}", f"backbone.{ours}") for ours, theirs in RESNET_VD)


def to_torch(
    model: nn.Layer | Mapping[str, Any], target: str = "torch", part: str | None = None
) -> Arrays:
    """Name the weights of one of our models, or of PaddleSeg's ANN, as a peer's network does.

    mmsegmentation's convolutions in front of a batch norm have no bias: it is subtracted from the
    running mean, which gives the same function in eval mode. It has no auxiliary head where none is
    used, so one that is switched off is left out.

    Args:
        model: ANN, ANNNet, a backbone, head or block; or a state dict of one.
        target: "mmseg", "authors", "tutorial", "torchvision" or "timm", or "torch": the original
            network of this kind (the authors' for ANN, the tutorial's for ANNNet, torchvision's
            for a backbone).
        part: of a block's state dict alone: "afnb" or "apnb".

    Returns:
        Arrays by the peer's names, with the counters of batches that its batch norms have (0); a
        module that the peer lists twice comes twice. `load_state_dict` takes them as tensors.

    Raises:
        ValueError: If the target does not have a network of this kind.
    """
    if target not in _TARGETS:
        raise ValueError(f"target must be one of {', '.join(_TARGETS)}; received {target!r}.")
    if not isinstance(model, nn.Layer):
        state = {name: np.asarray(value) for name, value in model.items()}
    else:
        state = {name: value.numpy() for name, value in model.state_dict().items()}
        part = part_of_layer(model) or part
    part = part or part_of_names(state)
    state = {PARTS[part] + name: array for name, array in state.items()}
    state = move(state, _FROM_VD)
    source = SOURCES[natural_target(state) if target == "torch" else target]
    if part not in source.parts:
        raise ValueError(f"{target} has no network of this kind, {part}; see `to_torch`.")
    if source is SOURCES["mmseg"]:
        state = without_biases(state)
        if not getattr(getattr(model, "head", model), "enable_auxiliary_loss", True):
            state = {name: array for name, array in state.items() if "auxlayer." not in name}
    return rename(state, source.parts[part], source.tables, target)


def rename(state: Arrays, prefix: str, tables: Any, target: str) -> Arrays:
    """Rename by the first table that knows all names, and take off the prefix of the part.

    Raises:
        ValueError: If none does.
    """
    attempts = [rename_to_theirs(state, table) for table in tables]
    names, unknown = min(attempts, key=lambda attempt: len(attempt[1]))
    if unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise ValueError(
            f"{target} has no network like this: no name for {', '.join(unknown[:SHOWN])}{more}."
        )
    inside = {ours: [n for n in theirs if n.startswith(prefix)] for ours, theirs in names.items()}
    if not all(inside.values()):  # a head beside its auxiliary head
        inside, prefix = names, ""
    result: Arrays = {}
    for ours, theirs in inside.items():
        for name in theirs:
            result[name[len(prefix) :]] = state[ours]
            if name.endswith(".running_var"):
                counter = name[len(prefix) : -len("running_var")] + COUNTER
                result[counter] = np.zeros([], np.int64)
    return result


def without_biases(state: Arrays) -> Arrays:
    """Take the biases in front of batch norms off the running means."""
    result = {}
    for name, array in state.items():
        bias = state.get(name.replace("_batch_norm._mean", "_conv.bias"))
        if name.endswith("_batch_norm._mean") and bias is not None:
            array = (array.astype(np.float64) - bias).astype(array.dtype)
        if not name.endswith("_conv.bias"):
            result[name] = array
    return result


def natural_target(state: Mapping[str, Any]) -> str:
    """Return whose network this is, by our names."""
    if not any(name.startswith("head.") for name in state):
        return "torchvision"
    return "authors" if any(".stages.0." in name for name in state) else "tutorial"


def part_of_layer(layer: nn.Layer) -> str | None:
    """Return which part a block is; None for everything else, whose names tell."""
    if isinstance(layer, ContextAttention):
        return "apnb" if layer.f_query is layer.f_key else "afnb"
    return {AFNB: "afnb", APNB: "apnb"}.get(type(layer))


def part_of_names(state: Mapping[str, Any]) -> str:
    """Return which part of a network has these names.

    Raises:
        ValueError: If they are those of none.
    """
    starts = {name.partition(".")[0] for name in state}
    if "head" in starts:
        return "whole"
    if "fusion" in starts and "cls" in starts:
        return "head"
    if "layer1" in starts or "bb_0_0" in starts:
        return "backbone"
    raise ValueError(
        "the weights must be those of an ANN, an ANNNet, or of a backbone or head of them; "
        f"received names that begin with {', '.join(sorted(starts)[:SHOWN])}. Of a block, give "
        'part="afnb" or part="apnb".'
    )
