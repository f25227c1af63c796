"""What `train` would hang on, fail of late or get wrong in silence is refused before it starts."""

from __future__ import annotations

from typing import Any

import paddle

from paddle_ann.compat.fix import Check, Fix, Patches, module, source_has
from paddle_ann.engine import checks, data_checks

_PRECISIONS = ("fp32", "fp16")


def _core() -> Any:
    return module("paddleseg.core.train")


def _warn(message: str) -> None:
    module("paddleseg.utils.logger").warning(message)


def _checks_train(check: Check) -> Any:
    def patch(patches: Patches) -> None:
        patches.before(_core().train, check)

    return patch


def _check_enough_samples(given: dict[str, Any]) -> None:
    ranks = paddle.distributed.ParallelEnv().nranks
    data_checks.check_enough_samples(given["train_dataset"], given["batch_size"], ranks)


def _lacks(text: str) -> Any:
    """A probe by inspection: True if the source of `train` does not hold `text`."""
    return lambda: not source_has(_core().train, text)


# -- precision (C3) -------------------------------------------------------------------------------


def check_precision(given: dict[str, Any]) -> None:
    """Refuse a precision that PaddleSeg would take for fp32, and warn of one without effect.

    Raises:
        ValueError: Naming the two that there are.
    """
    precision = given["precision"]
    if precision not in _PRECISIONS:
        raise ValueError(
            f"precision must be one of {', '.join(_PRECISIONS)}, received {precision!r}; "
            "PaddleSeg's train and evaluate know no other and would compute in fp32 without a word."
        )
    if given["amp_level"] not in ("O1", "O2"):
        raise ValueError(f"amp_level must be O1 or O2, received {given['amp_level']!r}.")
    if precision == "fp16" and paddle.get_device() == "cpu":
        _warn(
            "precision='fp16' has no effect on the CPU: Paddle's automatic mixed precision "
            "computes in fp32 there."
        )


def _patch_precision(patches: Patches) -> None:
    patches.before(_core().train, check_precision)
    patches.before(module("paddleseg.core.val").evaluate, check_precision)


# -- losses ---------------------------------------------------------------------------------------


def _losses_bite() -> bool:
    try:
        _core().check_logits_losses([0], {"types": []})
    except Exception as error:
        return "output" not in str(error)
    return True


def _check_losses(given: dict[str, Any]) -> None:
    checks.check_loss_config(given["losses"])


def _patch_losses(patches: Patches) -> None:
    patches.before(_core().train, _check_losses)
    patches.everywhere(_core().check_logits_losses, checks.check_logits_losses)


# -- the data (C2, C9 to C13, C19) ----------------------------------------------------------------


def _check_data(*names: str) -> Check:
    def check(given: dict[str, Any]) -> None:
        for name in names:
            data_checks.check_data(name, given.get(name))

    return check


def _patch_data(patches: Patches) -> None:
    patches.before(_core().train, _check_data("train_dataset", "val_dataset"))
    patches.before(_core().train, lambda given: data_checks.check_labelled(given["val_dataset"]))
    patches.before(module("paddleseg.core.val").evaluate, _check_data("eval_dataset"))


FIXES = (
    Fix(
        "save-dir",
        "save_dir that is a file is deleted",
        "train calls os.remove on it (D3)",
        "paddleseg 2.8.0 and 2.10",
        lambda: source_has(_core().train, "os.remove(save_dir)"),
        _checks_train(lambda given: checks.check_save_dir(given["save_dir"])),
    ),
    Fix(
        "precision",
        "precision='bf16' trains in fp32 without a word, and fp16 on the CPU too",
        "train and evaluate compare with 'fp16' and take everything else for fp32 (C3)",
        "paddleseg 2.8.0 and 2.10",
        _lacks("bf16"),
        _patch_precision,
    ),
    Fix(
        "loss-count",
        "IndexError for a missing coef; the message about losses and outputs does not say what to "
        "do",
        "train indexes losses['coef'] without a look at its length",
        "paddleseg 2.8.0 and 2.10",
        _losses_bite,
        _patch_losses,
    ),
    Fix(
        "small-data-set",
        "a training set smaller than batch_size: train runs for ever without an iteration",
        "drop_last leaves no batch, and the loop over iterations starts again (C2)",
        "paddleseg 2.8.0 and 2.10",
        _lacks("len(train_dataset)"),
        _checks_train(_check_enough_samples),
    ),
    Fix(
        "data-check",
        "a missing or damaged file, or a label >= num_classes, stops the training when it is read "
        "first, hours later, or is never noticed",
        "train and evaluate read without a check (C9 to C13, C19)",
        "paddleseg 2.8.0 and 2.10",
        _lacks("check_dataset"),
        _patch_data,
    ),
)
