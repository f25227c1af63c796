"""PaddleSeg's `train` and `evaluate`, replaced as a whole by those of `paddle_ann.engine`.

The narrow fixes of both stay in place underneath: with PADDLE_ANN_COMPAT=minimal they alone are
applied, and PaddleSeg's own loops run.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from typing import Any

from paddle_ann.compat.fix import Fix, Patches, module


def _core() -> Any:
    return module("paddleseg.core.train")


@functools.cache
def taking_newer_arguments(train: Any) -> Any:
    """Let `train` take what the scripts of PaddleSeg's development branch give it beyond 2.8's.

    `early_stop_intervals` is our `patience`; `logger` and `print_mem_info` change the log alone,
    and are left out.
    """
    from paddle_ann.engine import TrainOptions

    @functools.wraps(train)
    def newer(
        *args: Any,
        early_stop_intervals: int | None = None,
        logger: Any = None,
        print_mem_info: bool = False,
        shuffle: bool = True,
        uniform_output_enabled: bool = False,
        cli_args: Any = None,
        **rest: Any,
    ) -> Any:
        if not shuffle:
            raise ValueError("shuffle is False, but a training always shuffles. Remove it.")
        if uniform_output_enabled:
            raise ValueError("uniform_output_enabled, PaddleX's folders, is not supported.")
        if early_stop_intervals is not None:
            options = rest.get("options") or TrainOptions()
            rest["options"] = dataclasses.replace(options, patience=early_stop_intervals)
        return train(*args, **rest)

    return newer


def _bites() -> bool:
    """True until the loop is ours: what it lacks cannot be probed without training."""
    from paddle_ann.engine import train

    return _core().train not in (train, taking_newer_arguments(train))


def _patch(patches: Patches) -> None:
    from paddle_ann.engine import checks, train

    own = inspect.signature(_core().train).parameters
    ours = taking_newer_arguments(train) if "early_stop_intervals" in own else train
    patches.everywhere(_core().train, ours)
    patches.everywhere(_core().check_logits_losses, checks.check_logits_losses)


def _val() -> Any:
    return module("paddleseg.core.val")


def _evaluation_bites() -> bool:
    from paddle_ann.engine import evaluate

    return _val().evaluate is not evaluate


def _patch_evaluation(patches: Patches) -> None:
    from paddle_ann.engine import evaluate

    patches.everywhere(_val().evaluate, evaluate)


FIXES = (
    Fix(
        "training-loop",
        "a killed training loses what it had or leaves half a checkpoint; resumed it reads other "
        "data and overwrites the best model by a worse one; nan trains on",
        "train saves in place, keeps neither the best score nor random states nor the position in "
        "the data, and looks at no loss (C3, C4, C7, D1)",
        "paddleseg 2.8.0 and 2.10",
        _bites,
        _patch,
    ),
    Fix(
        "evaluation-loop",
        "evaluation takes one image at a time, leaves the model in evaluation mode, and with "
        "several processes exchanges three tensors per image; auc_roc fails on ignored pixels",
        "evaluate has batch_size 1 fixed and gathers in its loop (C3, C21, C25)",
        "paddleseg 2.8.0 and 2.10",
        _evaluation_bites,
        _patch_evaluation,
    ),
)
