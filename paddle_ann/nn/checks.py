"""Checks of arguments and inputs: an error names the thing, the value, the rule, the next step."""

from __future__ import annotations

import paddle
from paddle import Tensor


def check_channels(**channels: int) -> None:
    """Raise if a channel count is no integer of at least 1."""
    for name, value in channels.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(
                f"{name} must be an integer of at least 1; received {value!r} of type "
                f"{type(value).__name__}."
            )
        if value < 1:
            raise ValueError(f"{name} must be at least 1; received {value}.")


def check_flags(**flags: bool) -> None:
    """Raise if a switch is neither True nor False: the text 'False' would switch it on."""
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(
                f"{name} must be True or False (in YAML true or false, without quotation marks); "
                f"received {value!r} of type {type(value).__name__}."
            )


def check_probability(name: str, value: float) -> None:
    """Raise if `value` is no number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number in [0, 1); received {value!r}.")
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be in [0, 1); received {value}. Use 0 for no dropout.")


def check_feature_map(name: str, x: Tensor, channels: int, batch_of: Tensor | None = None) -> None:
    """Raise if `x` is not (N, channels, H, W), or its batch is not that of `batch_of`."""
    if not hasattr(x, "shape") or not hasattr(x, "ndim"):
        raise TypeError(f"{name} must be a tensor (N, {channels}, H, W); received {type(x)}.")
    shape = list(x.shape)
    if len(shape) != 4:
        raise ValueError(
            f"{name} must be 4-D, (N, {channels}, H, W); received a {len(shape)}-D tensor of "
            f"shape {shape}. Add the missing dimension, e.g. x.unsqueeze(0) for one image."
        )
    if shape[1] != channels:
        raise ValueError(
            f"{name} must have {channels} channels, as the block was built for; received "
            f"{shape[1]} in shape {shape}. Build the block for {shape[1]} channels, or pass the "
            "map of the right backbone stage."
        )
    if batch_of is not None and paddle.in_dynamic_mode():  # in a graph the batch may be unknown
        if shape[0] != batch_of.shape[0]:
            raise ValueError(
                f"{name} must have the batch size of the low-level map, {batch_of.shape[0]}; "
                f"received {shape[0]} in shape {shape}. Pass two maps of the same images."
            )
