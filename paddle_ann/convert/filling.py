"""Setting every parameter of a model from arrays, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from paddle import nn

Arrays = dict[str, np.ndarray]
SHOWN = 20  # lines of a long table


def fill(model: nn.Layer, arrays: Mapping[str, np.ndarray]) -> tuple[list[str], list[str]]:
    """Set every parameter of a model.

    Two things may be missing: the biases in front of batch norms, if the file has none at all
    (they are 0 then), and the auxiliary head as a whole.

    Args:
        model: A layer of ours or PaddleSeg's.
        arrays: By the names of its state dict.

    Returns:
        The biases that were set to 0, and the names that keep their initial value.

    Raises:
        ValueError: With a table of what is missing, left over, misshapen or no number.
    """
    own = model.state_dict()
    whole = with_shared(own, arrays)
    initial = [] if any(map(_is_auxiliary, whole)) else [n for n in own if _is_auxiliary(n)]
    zeroed: list[str] = []
    if not any(map(_is_bias, whole)):
        zeroed = [n for n in own if _is_bias(n) and n not in initial]
        whole.update({n: np.zeros(own[n].shape, np.float32) for n in zeroed})
    lines = differences({n: t for n, t in own.items() if n not in initial}, whole)
    if lines:
        more = [f"  ... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        raise ValueError("the tensors do not fit:\n" + "\n".join(lines[:SHOWN] + more))
    for name, array in whole.items():
        own[name].set_value(np.ascontiguousarray(array, np.float32))
    return zeroed, initial


def differences(own: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[str]:
    """List what keeps arrays from being the values of these parameters."""
    lines = [f"  {n}: missing in the file, {list(own[n].shape)} here" for n in own.keys() - arrays]
    lines += [f"  {n}: in the file, {list(arrays[n].shape)}, not here" for n in arrays.keys() - own]
    for name in own.keys() & arrays.keys():
        here, there = list(own[name].shape), list(arrays[name].shape)
        if here != there:
            lines.append(f"  {name}: {there} in the file, {here} here")
        elif arrays[name].dtype.kind != "f":
            lines.append(f"  {name}: {arrays[name].dtype} in the file, must be floating point")
    return sorted(lines)


def with_shared(own: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Arrays:
    """Complete the names of a parameter that has several.

    Raises:
        ValueError: If the arrays have several values for one parameter.
    """
    names: dict[int, list[str]] = {}
    for name, tensor in own.items():
        names.setdefault(id(tensor), []).append(name)
    whole = dict(arrays)
    for group in names.values():
        given = [name for name in group if name in arrays]
        for name in given[1:]:
            if not np.array_equal(arrays[given[0]], arrays[name], equal_nan=True):
                raise ValueError(
                    f"{given[0]} and {name} are one parameter here, and differ in the file: it "
                    "was trained without the shared projection."
                )
        if given:
            whole.update({name: arrays[given[0]] for name in group})
    return whole


def _is_bias(name: str) -> bool:
    return name.endswith("_conv.bias")


def _is_auxiliary(name: str) -> bool:
    return "auxlayer." in name
