"""What this package's training can do beyond PaddleSeg's arguments."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

NON_FINITE = ("stop", "skip", "rollback")
LEAST = {"accumulate": 1, "patience": 0, "eval_batch_size": 1, "vdl_mib": 1}
LEAST.update(dict.fromkeys(("vdl_images", "vdl_points", "vdl_histograms"), 0))
FLAGS = ("metrics", "xlsx", "vdl_pr_curves", "force_resume", "set_aside")
NOT_YAML = ("configuration", "record")


@dataclass(frozen=True)
class TrainOptions:
    """Options of `paddle_ann.engine.train`; in YAML the section `train_options`.

    Attributes:
        accumulate: batches whose gradients are averaged for one update, at least 1. An iteration
            is an update: it reads `accumulate * batch_size` samples. It equals one batch of that
            size where no layer looks across the batch (batch norm), and where the batches hold
            equally many labelled pixels, over which a loss takes its mean.
        freeze: names of sublayers, such as 'backbone' or 'backbone.stem', whose parameters and
            batch-norm statistics stay as they are; see `paddle_ann.engine.freeze.Freeze`.
        non_finite: what to do when loss or gradients are nan or infinite: 'stop' the training;
            'skip' the update, up to 10 in a row; or 'rollback' to the last checkpoint and go on
            with half the learning rate, up to 3 times. Each writes a black box into `save_dir`.
        patience: stop after this many evaluations in a row without a better mIoU; 0 never stops.
        min_delta: how much better counts, in mIoU.
        seed: seed of the augmentation; None draws it from numpy's generator, which
            `paddleseg.utils.set_seed` seeds.
        eval_batch_size: images of one forward pass in the evaluation, of equal size each.
        save_epochs: epochs between checkpoints, of a training that counts epochs; None for 1.
        eval_epochs: epochs between evaluations, likewise.
        metrics: write `metrics.csv` into `save_dir`: a row for each epoch, or for each
            `save_interval` of a training that counts iterations; see `MetricRows`. With it, and
            with VisualDL, come `metrics.jsonl` and `run.json`; see `paddle_ann.monitor`.
        xlsx: write the rows to `metrics.xlsx` as well; needs openpyxl.
        vdl_images: validation images of which VisualDL shows what the network makes of them.
        vdl_points: points of each whose attention is shown; 0 for none.
        vdl_histograms: updates between histograms of weights and gradients; 0 for none.
        vdl_pr_curves: precision-recall curves of each class, at each evaluation.
        vdl_mib: size of VisualDL's log in MiB from which on only curves are written.
        force_resume: resume although the configuration has changed.
        set_aside: move the checkpoints of an earlier training in `save_dir` to `earlier_N` there,
            where a new training would otherwise be refused.
        configuration: what else must be the same when the training is resumed, e.g. the merged
            YAML's model; not an option of YAML.
        record: what `run.json` is to hold, e.g. the merged YAML; not an option of YAML.

    Raises:
        TypeError: if a value is of the wrong type.
        ValueError: if it is out of its range.
    """

    accumulate: int = 1
    freeze: tuple[str, ...] = ()
    non_finite: str = "stop"
    patience: int = 0
    min_delta: float = 0.0
    seed: int | None = None
    eval_batch_size: int = 1
    save_epochs: int | None = None
    eval_epochs: int | None = None
    metrics: bool = False
    xlsx: bool = False
    vdl_images: int = 4
    vdl_points: int = 3
    vdl_histograms: int = 100
    vdl_pr_curves: bool = False
    vdl_mib: int = 256
    force_resume: bool = False
    set_aside: bool = False
    configuration: Mapping[str, Any] = field(default_factory=dict, repr=False)
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Check every field; numbers of numpy become Python's own."""
        for name, least in LEAST.items():
            self._set(name, _integer(name, getattr(self, name), least))
        if self.seed is not None:
            self._set("seed", _integer("seed", self.seed, 0, 2**31 - 1))
        for name in ("save_epochs", "eval_epochs"):
            if getattr(self, name) is not None:
                self._set(name, _integer(name, getattr(self, name), 1))
        self._set("freeze", _names("freeze", self.freeze))
        self._set("min_delta", _fraction("min_delta", self.min_delta))
        if self.non_finite not in NON_FINITE:
            raise ValueError(
                f"non_finite must be one of {', '.join(NON_FINITE)}; received {self.non_finite!r}."
            )
        for name in FLAGS:
            if not isinstance(getattr(self, name), bool):
                received = getattr(self, name)
                raise TypeError(f"{name} must be True or False; received {received!r}.")
        for name in NOT_YAML:
            if not isinstance(getattr(self, name), Mapping):
                raise TypeError(f"{name} must be a dict; received {getattr(self, name)!r}.")

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def from_dict(cls, section: Mapping[str, Any]) -> TrainOptions:
        """Make options from the section of a configuration.

        Raises:
            ValueError: if a name is unknown, or a value out of its range.
            TypeError: if a value is of the wrong type.
        """
        from paddle_ann.config.spelling import did_you_mean

        names = [item.name for item in fields(cls) if item.name not in NOT_YAML]
        for name in section:
            if name not in names:
                raise ValueError(
                    f"train_options has an unknown key {name!r}{did_you_mean(name, names)}"
                )
        return cls(**section)


def _integer(name: str, value: Any, least: int, most: float = math.inf) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer; received {value!r}.")
    if not least <= value <= most:
        limit = f"at least {least}" if most == math.inf else f"from {least} to {most}"
        raise ValueError(f"{name} must be {limit}; received {value}.")
    return int(value)


def _names(name: str, value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not all(isinstance(item, str) for item in found):
        raise TypeError(f"{name} must be a list of names of sublayers; received {value!r}.")
    return tuple(found)


def _fraction(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number; received {value!r}.")
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be at least 0 and less than 1; received {value!r}.")
    return float(value)
