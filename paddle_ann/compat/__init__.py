"""Mend the faults of the PaddleSeg and Paddle that are installed, from outside and reversibly.

Every fault is one `Fix`: it says what a user would see, why, and in which versions; its probe finds
out whether the fault is there, and its patch replaces as little as possible. `import paddle_ann`
applies them; a PaddleSeg that has mended a fault itself is left alone. The environment variable
`PADDLE_ANN_COMPAT=off` applies none, and `PADDLE_ANN_COMPAT=minimal` leaves PaddleSeg its own
training loop.
"""

from __future__ import annotations

import os
from typing import Any

from paddle_ann.compat.downloads import allow_downloads, downloads_allowed
from paddle_ann.compat.fix import Fix, FixStatus, Patches

__all__ = [
    "Fix",
    "FixStatus",
    "allow_downloads",
    "apply",
    "downloads_allowed",
    "fixes",
    "report",
    "revert",
]

_applied: dict[str, Patches] = {}
_status: dict[str, FixStatus] = {}


def fixes() -> tuple[Fix, ...]:
    """Return all known fixes, in the order in which they are applied."""
    from paddle_ann.compat import (
        builder,
        checkpoints,
        downloads,
        environment,
        hard_losses,
        inference,
        lists,
        loader,
        loop,
        losses,
        metrics,
        predict_files,
        prediction,
        reading,
        resume,
        training,
        training_checks,
        transforms,
    )

    themes = (
        *(losses, hard_losses, metrics),
        *(loader, reading, transforms, lists, downloads),
        *(environment, builder, inference),
        *(checkpoints, resume),
        *(training, training_checks, prediction, predict_files),
        *(() if _mode() == "minimal" else (loop,)),
    )
    return tuple(fix for theme in themes for fix in theme.FIXES)


def apply() -> None:
    """Apply every fix whose fault is here. A second call changes nothing."""
    if _mode() in ("off", "0", "none"):
        return
    with _on_cpu():
        for fix in fixes():
            if fix.name not in _applied:
                _status[fix.name] = _apply_one(fix)


def revert() -> None:
    """Give PaddleSeg and Paddle their own attributes back."""
    for name in reversed(list(_applied)):
        _applied.pop(name).restore()
    _status.clear()


def report() -> list[FixStatus]:
    """Return what became of every fix; probe those that were not applied in this process."""
    with _on_cpu():
        return [_status.get(fix.name) or _probe(fix) for fix in fixes()]


def _mode() -> str:
    return os.environ.get("PADDLE_ANN_COMPAT", "").lower()


def _probe(fix: Fix) -> FixStatus:
    try:
        return FixStatus(fix, bites=fix.probe(), mended=False)
    except Exception as error:
        return FixStatus(fix, bites=False, mended=False, error=f"probe: {error!r}")


def _apply_one(fix: Fix) -> FixStatus:
    status = _probe(fix)
    if not status.bites:
        return status
    patches = Patches()
    try:
        fix.patch(patches)
    except Exception as error:
        patches.restore()
        return FixStatus(fix, bites=True, mended=False, error=f"patch: {error!r}")
    _applied[fix.name] = patches
    return FixStatus(fix, bites=True, mended=True)


def _on_cpu() -> Any:
    """Let probes run on the CPU, eagerly, and leave the counter of parameter names as it was."""
    import paddle

    return paddle.base.dygraph.guard(place=paddle.CPUPlace())
