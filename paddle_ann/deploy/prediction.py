"""What a network makes of one picture: class numbers, and on request how sure it is of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

KEEP = ("probabilities", "scores", "confidence", "entropy")


class Prediction:
    """The result for one picture, or for some rows of it; all at the size of the picture.

    Attributes:
        ids: the class of every pixel, (H, W) int32.
        probabilities: (num_classes, H, W) float32; they sum to 1 over the classes.
        scores: the logits, (num_classes, H, W) float32.
        confidence: the probability of the class that was chosen, (H, W) float32.
        entropy: how undecided the network is, (H, W) float32, from 0 to 1 (all classes alike).

    All but `ids` are there if they were asked for.
    """

    ids: np.ndarray
    probabilities: np.ndarray
    scores: np.ndarray
    confidence: np.ndarray
    entropy: np.ndarray

    def __init__(self, **maps: np.ndarray) -> None:
        vars(self).update(maps)

    def __getattr__(self, name: str) -> Any:
        if name in KEEP:
            raise AttributeError(
                f"The prediction holds {', '.join(vars(self))}; ask for {name} by keep={name!r}."
            )
        raise AttributeError(f"A prediction has no {name}.")


def check_keep(keep: str | Sequence[str]) -> tuple[str, ...]:
    """Return what is to be kept beside class numbers.

    Raises:
        ValueError: if it is something else than names of `KEEP`.
    """
    names = (keep,) if isinstance(keep, str) else keep
    if not isinstance(names, (tuple, list, set, frozenset)) or not set(names) <= set(KEEP):
        raise ValueError(f"keep must be of {', '.join(KEEP)}; received {keep!r}.")
    return tuple(names)


def summarise(
    probabilities: np.ndarray, keep: Sequence[str], scores: np.ndarray | None = None
) -> Prediction:
    """Make a prediction of probabilities.

    Args:
        probabilities: (num_classes, H, W) float32; copied if they are kept.
        keep: names of `KEEP`.
        scores: logits, from which the class is chosen if there are some.
    """
    chosen = probabilities if scores is None else scores
    maps = {"ids": chosen.argmax(0).astype(np.int32)}
    if "probabilities" in keep:
        maps["probabilities"] = probabilities.copy()
    if "scores" in keep and scores is not None:
        maps["scores"] = scores
    if "confidence" in keep:
        maps["confidence"] = probabilities.max(0)
    if "entropy" in keep:
        maps["entropy"] = entropy(probabilities)
    return Prediction(**maps)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Compute the entropy over the classes, (C, H, W) to (H, W), as a share of the largest.

    A network of a single class is never undecided: 0.
    """
    total = np.zeros(probabilities.shape[1:], np.float32)
    for share in probabilities:  # one class at a time, for memory
        total -= share * np.log(np.maximum(share, np.finfo(np.float32).tiny))
    return np.clip(total / np.float32(np.log(max(len(probabilities), 2))), 0, 1)


def join(parts: Sequence[Prediction]) -> Prediction:
    """Put rows together, from top to bottom."""
    names = vars(parts[0])
    return Prediction(
        **{name: np.concatenate([vars(part)[name] for part in parts], -2) for name in names}
    )
