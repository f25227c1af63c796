"""An optimizer's state, by names that do not depend on what the process did before.

Paddle names an accumulator PARAMETER_KIND_COUNT and numbers parameters, and equal names, by
counters of the process. Here COUNT is always 0, as in a process that trains once: what is written
can be resumed by PaddleSeg, and what is read need not be as this process would have named it.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import paddle
from paddle.base.layer_helper import LayerHelper

_SCHEDULE, _MASTER = "LR_Scheduler", "master_weights"
_MASTER_COUNT = re.compile(r"_fp32_master_\d+")
_COUNT = re.compile(r"_\d+$")


def unwrap(optimizer: Any) -> Any:
    """Return the optimizer that holds the state, out of the wrappers for several processes."""
    while not isinstance(optimizer, paddle.optimizer.Optimizer):
        inner = getattr(optimizer, "_inner_opt", None) or getattr(
            optimizer, "user_defined_optimizer", None
        )
        if inner is None:
            raise TypeError(
                f"optimizer is a {type(optimizer).__name__}; it must be a paddle.optimizer."
            )
        optimizer = inner
    return optimizer


def rename_optimizer_state(state: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Give the accumulators of an optimizer the names of the parameters that they belong to now.

    Paddle numbers parameters by a counter of the process: the second model of a process has
    `conv2d_3.w_0` where the first had `conv2d_0.w_0`, and the optimizer's state goes by these
    names.

    Args:
        state: `optimizer.state_dict()` as saved.
        names: The parameter's name then to its name now.

    Returns:
        The state with its keys renamed, also those below `master_weights`.
    """
    if not names:
        return state
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile(f"^({'|'.join(map(re.escape, longest_first))})(?=_|$)")

    def renamed(key: str) -> str:
        return pattern.sub(lambda match: names[match.group(1)], key)

    return {
        renamed(key): (
            rename_optimizer_state(value, names)
            if key == _MASTER and isinstance(value, dict)
            else value
        )
        for key, value in state.items()
    }


def canonical(key: str) -> str:
    """Set the process's counters in the name of an accumulator to 0."""
    return _COUNT.sub("_0", _MASTER_COUNT.sub("_fp32_master_0", key))


def capture_optimizer(optimizer: Any) -> dict[str, Any]:
    """Return `optimizer.state_dict()` with canonical names."""
    return _canonical_state(unwrap(optimizer).state_dict())


def _canonical_state(state: dict[str, Any]) -> dict[str, Any]:
    special = (_SCHEDULE, _MASTER)
    return {key if key in special else canonical(key): value for key, value in state.items()}


def parameters_with_state(optimizer: Any) -> list[str]:
    """Name the parameters that an optimizer has state for: those that ever had a gradient."""
    optimizer = unwrap(optimizer)
    owners = {name for kind in optimizer._accumulators.values() for name in kind}
    return sorted({_MASTER_COUNT.sub("", owner) for owner in owners})


def restore_optimizer(
    optimizer: Any, state: dict[str, Any], with_state: set[str] | None
) -> list[str]:
    """Fill an optimizer with a saved state: all of it, or nothing.

    Args:
        optimizer: Of the same kind and over the same parameters; before or after its first step.
        state: From `capture_optimizer` or `optimizer.state_dict()`, its keys by the parameters'
            names now.
        with_state: Names of the parameters that had state when it was saved; None if unknown,
            then every trainable parameter must have it.

    Returns:
        One line for everything that is missing, left over or of another shape or type. The state
        was taken over if there is none.
    """
    optimizer = unwrap(optimizer)
    state = _canonical_state(state)
    schedule, masters = state.pop(_SCHEDULE, None), state.pop(_MASTER, {})
    if not isinstance(masters, dict):
        return [f"  {_MASTER}: a {type(masters).__name__} in the file, not weights by name"]
    lines = _compare_schedules(optimizer._learning_rate, schedule)
    wanted = [
        parameter
        for parameter in _parameters(optimizer)
        if (not parameter.stop_gradient if with_state is None else parameter.name in with_state)
    ]
    _create_accumulators(optimizer, wanted)
    wanted_names = {parameter.name for parameter in wanted}
    own = _accumulators(optimizer, wanted_names)
    lines += _compare(own, state)
    own_masters = {k: v for k, v in optimizer._master_weights.items() if k in wanted_names}
    lines += _compare(own_masters, masters, " (master weight)")
    if lines:
        return lines
    for key, tensor in own.items():
        tensor.set_value(state[key])
    for key, tensor in own_masters.items():
        tensor.set_value(masters[key])
    if schedule is not None:
        with warnings.catch_warnings():  # LinearWarmup calls the state of its inner one unused
            warnings.filterwarnings("ignore", "There are some unused values in state_dict")
            optimizer._learning_rate.set_state_dict(schedule)
    _forget_others(optimizer, wanted_names)
    return []


def _parameters(optimizer: Any) -> list[Any]:
    listed = optimizer._parameter_list or []
    if listed and isinstance(listed[0], dict):
        return [parameter for group in optimizer._param_groups for parameter in group["params"]]
    return list(listed)


def _create_accumulators(optimizer: Any, parameters: list[Any]) -> None:
    """Let the optimizer make its accumulators now, as it does in its first step."""
    optimizer._accumulators_holder = {}  # what an earlier set_state_dict left for that step
    if optimizer.helper is None:
        optimizer.helper = LayerHelper(type(optimizer).__name__)
    block = paddle.static.default_main_program().global_block()
    optimizer._create_accumulators(block, parameters)


def _accumulators(optimizer: Any, names: set[str]) -> dict[str, Any]:
    return {
        canonical(f"{owner}_{kind}_0"): tensor
        for kind, tensors in optimizer._accumulators.items()
        for owner, tensor in tensors.items()
        if _MASTER_COUNT.sub("", owner) in names
    }


def _compare(own: dict[str, Any], state: dict[str, Any], what: str = "") -> list[str]:
    lines = [f"  {key}{what}: missing in the file" for key in own if key not in state]
    lines += [f"  {key}{what}: not of this optimizer" for key in state if key not in own]
    for key in own.keys() & state.keys():
        here, there = _describe(own[key]), _describe(state[key])
        if here != there:
            lines.append(f"  {key}{what}: {there} in the file, {here} in the optimizer")
    return sorted(lines)


def _describe(tensor: Any) -> str:
    if not hasattr(tensor, "shape") or not hasattr(tensor, "dtype"):
        return f"a {type(tensor).__name__}"
    return f"{list(tensor.shape)} {str(tensor.dtype).rpartition('.')[2]}"


def _compare_schedules(schedule: Any, saved: Any) -> list[str]:
    own = schedule.state_dict() if hasattr(schedule, "state_dict") else None
    here, there = _nested_keys(own), _nested_keys(saved)
    if here == there:
        return []
    return [f"  learning rate schedule: {there} in the file, {here} in the optimizer"]


def _nested_keys(state: Any) -> str:
    """Write out the names of a schedule's state, and which of its values are no numbers."""
    if state is None:
        return "none"
    if not isinstance(state, dict):
        return f"a {type(state).__name__}"
    inner = (
        key if _is_number_or_none(state[key]) else f"{key} {_nested_keys(state[key])}"
        for key in sorted(state, key=str)
    )
    return f"({', '.join(map(str, inner))})"


def _is_number_or_none(value: Any) -> bool:  # ReduceOnPlateau has no best loss at first
    return value is None or isinstance(value, (int, float, np.number))


def _forget_others(optimizer: Any, names: set[str]) -> None:
    """Drop the state of parameters that had none when the file was written (no gradient yet)."""
    for tensors in optimizer._accumulators.values():
        for owner in [o for o in tensors if _MASTER_COUNT.sub("", o) not in names]:
            del tensors[owner]
    for attribute in ("_already_create_accumulator", "_already_create_accumulater"):
        if hasattr(optimizer, attribute):
            getattr(optimizer, attribute).intersection_update(names)
    for name in set(optimizer._master_weights) - names:
        del optimizer._master_weights[name]
