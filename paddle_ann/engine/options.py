"""What this package's training can do beyond PaddleSeg's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

NON_FINITE = ("stop", "skip", "rollback")


@dataclass(frozen=True)
class TrainOptions:
    """Options of `paddle_ann.engine.train`; in YAML the section `train_options`.

    Attributes:
        accumulate: batches whose gradients are averaged for one update, at least 1. An iteration
            is an update: it reads `accumulate * batch_size` samples.
        freeze: names of sublayers, such as 'backbone' or 'backbone.stem', whose parameters and
            batch-norm statistics stay as they are.
        non_finite: what to do when loss or gradients are nan or infinite: 'stop' the training,
            'skip' the update, or 'rollback' to the last checkpoint with half the learning rate.
        patience: stop after this many evaluations without a better mIoU; 0 never stops.
        min_delta: how much better counts, in mIoU.
        seed: seed of the augmentation; None draws it from numpy's generator, which
            `paddleseg.utils.set_seed` seeds.
        eval_batch_size: images of one forward pass in the evaluation, of equal size each.
        force_resume: resume although the configuration has changed.
        set_aside: move the checkpoints of an earlier training in `save_dir` to `earlier_N` there,
            where a new training would otherwise be refused.
        configuration: what else must be the same when the training is resumed, e.g. the merged
            YAML; not an option of YAML.

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
    force_resume: bool = False
    set_aside: bool = False
    configuration: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        freeze = (self.freeze,) if isinstance(self.freeze, str) else tuple(self.freeze)
        object.__setattr__(self, "freeze", freeze)
        for name, least in (("accumulate", 1), ("patience", 0), ("eval_batch_size", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name} must be an integer; received {value!r}.")
            if value < least:
                raise ValueError(f"{name} must be at least {least}; received {value}.")
        if self.non_finite not in NON_FINITE:
            raise ValueError(
                f"non_finite must be one of {', '.join(NON_FINITE)}; received {self.non_finite!r}."
            )
        if not all(isinstance(name, str) for name in freeze):
            raise TypeError(f"freeze must hold names of sublayers; received {self.freeze!r}.")
        if not isinstance(self.min_delta, (int, float)) or not 0 <= self.min_delta < 1:
            raise ValueError(f"min_delta must be in [0, 1); received {self.min_delta!r}.")
        if self.seed is not None and (isinstance(self.seed, bool) or not 0 <= self.seed < 2**31):
            raise ValueError(f"seed must be None or in [0, 2**31); received {self.seed!r}.")

    @classmethod
    def from_dict(cls, section: Mapping[str, Any]) -> TrainOptions:
        """Make options from the section of a configuration.

        Raises:
            ValueError: if a name is unknown, or a value out of its range.
            TypeError: if a value is of the wrong type.
        """
        from paddle_ann.config.spelling import did_you_mean

        names = [item.name for item in fields(cls) if item.name != "configuration"]
        for name in section:
            if name not in names:
                raise ValueError(
                    f"train_options has an unknown key {name!r}{did_you_mean(name, names)}"
                )
        return cls(**section)
