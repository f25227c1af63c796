"""The preparations of images that an export can hold, by PaddleSeg's names and arguments."""

from __future__ import annotations

import math
from typing import Any

_ARGUMENTS: dict[str, dict[str, Any]] = {
    "Normalize": {"mean": [0.5], "std": [0.5]},
    "Resize": {
        "target_size": [512, 512],
        "keep_ratio": False,
        "size_divisor": None,
        "interp": "LINEAR",
    },
    "ResizeByLong": {"long_size": None},
    "ResizeByShort": {"short_size": None, "max_size": 1e10},
    "LimitLong": {"max_long": None, "min_long": None},
    "Padding": {"target_size": None, "im_padding_value": 127.5, "label_padding_value": 255},
    "PaddingByAspectRatio": {
        "aspect_ratio": 1,
        "im_padding_value": 127.5,
        "label_padding_value": 255,
    },
}


def check_steps(steps: Any) -> list[dict[str, Any]]:
    """Return the preparation with every default filled in.

    Args:
        steps: {"type": name, argument: value, ...} for each step, as in PaddleSeg's YAML.

    Raises:
        ValueError: if a step is unknown or an argument cannot be used.
    """
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ValueError(f"preprocessing must be a list of steps; received {steps!r}.")
    return [_check_step(step) for step in steps]


def _check_step(step: dict[str, Any]) -> dict[str, Any]:
    kind = step.get("type")
    if not isinstance(kind, str) or kind not in _ARGUMENTS:
        raise ValueError(
            f"the preparation {kind!r} cannot be exported; it may be one of "
            f"{', '.join(_ARGUMENTS)}. Change the transforms of the validation data."
        )
    known = _ARGUMENTS[kind]
    if unknown := sorted(set(step) - set(known) - {"type"}):
        raise ValueError(f"{kind} has no argument {', '.join(map(str, unknown))}.")
    full = {**known, **step}
    for name, value in full.items():
        if not _fits(name, value):
            raise ValueError(f"{kind} cannot be used with {name}={value!r}.")
    return full


def _fits(name: str, value: Any) -> bool:
    if name in ("mean", "std"):
        return (
            isinstance(value, list)
            and len(value) in (1, 3)
            and all(_is_number(v) and (name == "mean" or v != 0) for v in value)
        )
    if name == "target_size":
        return isinstance(value, list) and len(value) == 2 and all(_is_size(v) for v in value)
    if name in ("long_size", "short_size"):
        return _is_size(value)
    if name in ("size_divisor", "max_long", "min_long"):
        return value is None or _is_size(value)
    if name in ("max_size", "aspect_ratio"):
        return _is_number(value) and value > 0
    if name == "im_padding_value":
        return _is_number(value)
    return {"interp": value in ("LINEAR", "NEAREST"), "keep_ratio": value in (True, False)}.get(
        name, True
    )


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1 << 16
