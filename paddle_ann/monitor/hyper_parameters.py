"""The settings of a training on VisualDL's comparison page, and as a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.fingerprint import plain
from paddle_ann.monitor import records
from paddle_ann.monitor.manifest import hidden
from paddle_ann.monitor.vdl import VisualDLLog

METRICS = ["Train/loss"]
EVALUATED = ["Evaluate/mIoU", "Evaluate/Best_mIoU", "Evaluate/Acc", "Evaluate/Kappa"]
INT32 = 2**31
# Settings that do not change what is trained.
BESIDE = {
    *("save_dir", "save_interval", "log_iters", "num_workers", "use_vdl", "keep_checkpoint_max"),
    *("metrics", "xlsx", "force_resume", "set_aside", "resume_model"),
}


class HyperParameters(Callback):
    """Adds the settings at the beginning of a log; the page shows the last values of `METRICS`.

    Args:
        log: where they go.
        arguments: of `train`, and what else is worth comparing.
        configuration: the merged YAML; empty if there is none.
        fingerprint: what the training consists of; see `engine.fingerprint`.
        evaluates: whether there will be evaluations.
    """

    def __init__(
        self,
        log: VisualDLLog,
        arguments: Mapping[str, Any],
        configuration: Mapping[str, Any],
        fingerprint: Mapping[str, Any],
        evaluates: bool,
    ) -> None:
        self.log, self.arguments = log, arguments
        self.configuration, self.fingerprint = configuration, fingerprint
        self.metrics = [*METRICS, *(EVALUATED if evaluates else [])]

    def on_start(self, run: Run) -> None:
        """Put the settings into a log that is new."""
        if not run.is_main or not self.log.is_new:
            return
        values = flat(self.arguments, self.fingerprint)
        self.log.add(records.hyper_parameters(str(run.save_dir), values, self.metrics))
        known = self.configuration or self.fingerprint
        text = json.dumps(hidden(plain(dict(known))), indent=1, ensure_ascii=False)
        self.log.add(records.text("Run/configuration", text, run.iteration))


def flat(arguments: Mapping[str, Any], fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as VisualDL takes them: numbers and texts, by name."""
    rate = fingerprint["optimizer"]["learning_rate"]
    while isinstance(rate, dict) and isinstance(rate.get("learning_rate"), dict):
        rate = rate["learning_rate"]  # what comes after a warm-up
    schedule = rate if isinstance(rate, dict) else {"base_lr": rate}
    settings = fingerprint["optimizer"]["settings"]
    found = {
        "model": fingerprint["model"]["type"],
        "optimizer": fingerprint["optimizer"]["type"],
        "schedule": schedule.get("type"),
        "learning_rate": schedule.get("base_lr"),
        "weight_decay": settings.get("weight_decay") if isinstance(settings, dict) else None,
        "samples": fingerprint["train_dataset"]["samples"],
        "losses": ", ".join(f"{x['coef']:g} {x.get('type')}" for x in fingerprint["losses"]),
        **{n: v for n, v in arguments.items() if n not in BESIDE and not n.startswith("vdl_")},
    }
    return {name: _simple(value) for name, value in found.items() if value is not None}


def _simple(value: Any) -> int | float | str:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) or (isinstance(value, int) and -INT32 <= value < INT32):
        return value
    return value if isinstance(value, str) else json.dumps(hidden(plain(value)))
