"""Setting every parameter of a model from arrays, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from paddle import nn

from paddle_ann.state_table import compare, counts, table

Arrays = dict[str, np.ndarray]


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
    rows = compare({n: t for n, t in own.items() if n not in initial}, whole)
    if rows:
        raise ValueError(f"the tensors do not fit ({counts(rows)}; our names):\n{table(rows)}")
    for name, array in whole.items():
        own[name].set_value(np.ascontiguousarray(array, np.float32))
    return zeroed, initial


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
