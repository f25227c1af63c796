"""Resuming: the checkpoint must be this model's, and the optimizer's state finds its parameters."""

from __future__ import annotations

import os
import re
from typing import Any

import paddle

from paddle_ann.compat.fix import Fix, Patches, module, source_has

_NAME_TABLE = "StructuredToParameterName@@"


def compare_state(model: Any, state: dict[str, Any]) -> tuple[list[str], int]:
    """Compare a model's parameters and buffers with a loaded state dict.

    Returns:
        One line for every missing or misshapen entry, and how many entries of the state the model
        has no use for.
    """
    own = model.state_dict()
    lines = []
    for key, value in own.items():
        if key not in state:
            lines.append(f"  {key}: missing in the file, {list(value.shape)} in the model")
        elif list(state[key].shape) != list(value.shape):
            lines.append(
                f"  {key}: {list(state[key].shape)} in the file, {list(value.shape)} in the model"
            )
    return lines, len(set(state) - set(own) - {_NAME_TABLE})


def require_same_state(model: Any, state: dict[str, Any], path: str, next_step: str) -> None:
    """Refuse a state dict that does not fill the whole model.

    Raises:
        ValueError: With a table of the entries that differ.
    """
    lines, unused = compare_state(model, state)
    if not lines:
        return
    shown = lines[:20] + ([f"  ... and {len(lines) - 20} more"] if len(lines) > 20 else [])
    raise ValueError(
        f"The weights in {path} are not those of this {type(model).__name__}: {len(lines)} of "
        f"{len(model.state_dict())} entries are missing or have another shape, {unused} entries of "
        "the file are "
        f"not used.\n" + "\n".join(shown) + f"\n{next_step}"
    )


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
        renamed(key): rename_optimizer_state(value, names) if key == "master_weights" else value
        for key, value in state.items()
    }


def resume(model: Any, optimizer: Any, resume_model: str | None) -> int | None:
    """Load model and optimizer from a checkpoint folder of `train`.

    Args:
        model: The model to fill; every parameter and buffer must be in the checkpoint.
        optimizer: Its optimizer.
        resume_model: Folder `.../iter_N` with model.pdparams and model.pdopt.

    Returns:
        The iteration N to go on from; None without a folder.

    Raises:
        FileNotFoundError: If the folder or one of its two files is missing.
        ValueError: If the folder has no iteration number, or the weights are another model's.
    """
    if resume_model is None:
        return None
    folder = os.path.normpath(resume_model)
    weights, moments = (os.path.join(folder, f"model.{end}") for end in ("pdparams", "pdopt"))
    for path in (folder, weights, moments):
        if not os.path.exists(path):
            raise FileNotFoundError(
                f"Cannot resume: {path} does not exist. Give a folder iter_N that train() wrote, "
                "with model.pdparams and model.pdopt (best_model has no optimizer state: load it "
                "as `pretrained`)."
            )
    number = re.search(r"_(\d+)$", folder)
    if not number:
        raise ValueError(
            f"Cannot resume from {folder}: its name must end in _N, the iteration, as iter_1000."
        )
    module("paddleseg.utils.logger").info(f"Resume model from {folder}")
    state = paddle.load(weights, keep_name_table=True)
    require_same_state(model, state, weights, "Resume with the configuration of that training.")
    then = state.pop(_NAME_TABLE, {})
    now = {key: value.name for key, value in model.state_dict().items()}
    names = {then[key]: now[key] for key in then if key in now and then[key] != now[key]}
    model.set_state_dict(state)
    optimizer.set_state_dict(rename_optimizer_state(paddle.load(moments), names))
    return int(number.group(1))


def _bites() -> bool:
    """By inspection: a checkpoint would have to be written."""
    original = module("paddleseg.utils.utils").resume
    return source_has(original, "set_state_dict") and not source_has(original, "shape")


def _patch(patches: Patches) -> None:
    patches.everywhere(module("paddleseg.utils.utils").resume, resume)


FIXES = (
    Fix(
        "resume",
        "resume_model of another model is accepted and training goes on from random weights; in "
        "the process that trained (a notebook) `AssertionError: Optimizer set error, "
        "conv2d_3.w_0_velocity_0 should in state dict`",
        "utils.resume compares nothing; Paddle names parameters by a counter of the process (C5, "
        "C6, C7)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _bites,
        _patch,
    ),
)
