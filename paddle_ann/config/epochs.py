"""Epochs in a configuration: `epochs` in place of `iters`, schedules with `by_epoch`.

A configuration counts in one of the two. Along a chain of `_base_` files, and then on the command
line, the last word is the one that holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from paddle_ann.config.reading import base_names, parse

WORDS = ("iters", "epochs")
# What Paddle's schedules count in steps, and so in epochs with `by_epoch`.
COUNTED = {
    "StepDecay": "step_size",
    "MultiStepDecay": "milestones",
    "PiecewiseDecay": "boundaries",
    "CosineAnnealingDecay": "T_max",
    "PolynomialDecay": "decay_steps",
}
# Left out, it is the length of the training. (PaddleSeg's builder fills in the other one.)
WHOLE_TRAINING = {"PolynomialDecay": "decay_steps", "CosineAnnealingDecay": "T_max"}


def last_word(path: Path) -> str | None:
    """Return which of `iters` and `epochs` a file and its `_base_` files say, the nearest first.

    Raises:
        ValueError: if one file says both.
    """
    content = parse(path)
    found = one_of(said(content), str(path))
    for base in [] if found else base_names(path, content):
        found = found or last_word(path.parent / base)
    return found


def said(settings: Mapping[str, Any]) -> list[str]:
    """Return which of `iters` and `epochs` have a value; null says nothing."""
    return [word for word in WORDS if settings.get(word) is not None]


def one_of(given: Iterable[str], where: str) -> str | None:
    """Return which of `iters` and `epochs` is given; None if neither.

    Raises:
        ValueError: if both are.
    """
    found = [word for word in WORDS if word in given]
    if len(found) == 2:
        raise ValueError(
            f"{where} gives both iters and epochs: a training counts in one of the two. Remove one."
        )
    return found[0] if found else None


def leave_other_out(settings: dict[str, Any], word: str | None) -> None:
    """Take the word out that does not hold."""
    for other in WORDS:
        if word is not None and other != word:
            settings.pop(other, None)


def check_schedule(settings: Mapping[str, Any]) -> None:
    """Refuse a `by_epoch` that is no truth value, or beside a schedule that counts no steps.

    Args:
        settings: of `lr_scheduler`.

    Raises:
        ValueError: naming it.
    """
    by_epoch, kind = settings.get("by_epoch", False), settings.get("type")
    if not isinstance(by_epoch, bool):
        raise ValueError(f"lr_scheduler.by_epoch is {by_epoch!r}; it must be True or False.")
    if not by_epoch:
        return
    if kind not in COUNTED:
        raise ValueError(
            f"lr_scheduler.by_epoch does not go with {kind}, only with {', '.join(COUNTED)}. "
            "Leave it out: the schedule moves on once for every iteration."
        )
    value = settings.get(COUNTED[kind], 1)
    counts = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(c, int) and not isinstance(c, bool) and c >= 1 for c in counts):
        raise ValueError(
            f"lr_scheduler.{COUNTED[kind]} is {value!r}; by_epoch it must be in whole epochs of at "
            "least 1."
        )


def counts_epochs(settings: Mapping[str, Any]) -> bool:
    """Tell whether anything in a checked configuration is counted in epochs."""
    by_epoch = settings["lr_scheduler"].get("by_epoch", False)
    return bool(by_epoch or settings.get("epochs") is not None)


def in_iterations(settings: Mapping[str, Any], per_epoch: int) -> dict[str, Any]:
    """Return `iters` and `lr_scheduler` of a checked configuration, counted in iterations.

    Args:
        settings: of the whole configuration.
        per_epoch: iterations of an epoch.
    """
    epochs = settings.get("epochs")
    iters = settings["iters"] if epochs is None else epochs * per_epoch
    schedule = dict(settings["lr_scheduler"])
    name = COUNTED.get(schedule["type"], "")
    if schedule.pop("by_epoch", False) and name in schedule:
        value = schedule[name]
        many = isinstance(value, (list, tuple))
        schedule[name] = [v * per_epoch for v in value] if many else value * per_epoch
    name = WHOLE_TRAINING.get(schedule["type"], "")
    if name and name not in schedule:
        schedule[name] = max(iters - schedule.get("warmup_iters", 0), 1)
    return {"iters": iters, "lr_scheduler": schedule}
