"""Resuming: the checkpoint must be this model's, and the optimizer's state finds its parameters."""

from __future__ import annotations

import os
import re
from typing import Any

from paddle_ann.checkpoint.model_state import load_model
from paddle_ann.compat.fix import Fix, Patches, module, source_has


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
        ValueError: If the folder has no iteration number, or the weights are another model's, or
            a file is damaged or would run code.
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
    load_model(folder, model, optimizer)
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
