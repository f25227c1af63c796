"""How often each class occurs, and weights for the loss that make up for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CAP = 10.0
BETA = 0.999


@dataclass
class Counts:
    """Pixels and images of each class, added up image by image.

    Attributes:
        pixels: (C,) int64, pixels of each class.
        images: (C,) int64, images that hold the class.
        beside: (C,) int64, pixels of any class in those images.
        ignored: Pixels that are ignored.
    """

    pixels: np.ndarray
    images: np.ndarray
    beside: np.ndarray
    ignored: int = 0

    @classmethod
    def zero(cls, num_classes: int) -> Counts:
        """Nothing counted yet."""
        pixels, images, beside = np.zeros((3, num_classes), np.int64)
        return cls(pixels, images, beside)

    def add(self, values: dict[int, int], ignore_index: int) -> None:
        """Adds one mask: its pixels of each id. Ids that are no class do not count."""
        held = {v: n for v, n in values.items() if v < len(self.pixels) and v != ignore_index}
        self.ignored += values.get(ignore_index, 0)
        total = sum(held.values())
        for value, count in held.items():
            self.pixels[value] += count
            self.images[value] += 1
            self.beside[value] += total


def median_frequency(counts: Counts, cap: float = CAP) -> np.ndarray:
    """Median-frequency weights (Eigen and Fergus 2015; SegNet 2017).

    The frequency of a class is its share of the pixels of those images that hold it; its weight is
    the median of all frequencies over its own.

    Args:
        counts: Of the training masks.
        cap: Weights are kept within 1 / cap and cap, at least 1.

    Returns:
        (C,) float64; 1 for a class that never occurs, which no loss ever uses.
    """
    present = counts.pixels > 0
    frequency = counts.pixels[present] / counts.beside[present]
    return _spread(np.median(frequency) / frequency if present.any() else frequency, present, cap)


def effective_number(counts: Counts, beta: float = BETA, cap: float = CAP) -> np.ndarray:
    """Weights by the effective number of samples (Cui et al. 2019, equation 2 and section 3).

    A sample is an image that holds the class: the pixels of one image are no independent samples.
    The weights are scaled to a mean of 1 over the classes that occur, then capped. Milder than
    `median_frequency`, for they do not see how small an object is.

    Args:
        counts: Of the training masks.
        beta: 0 (no weighting) to below 1 (towards one over the number of images).
        cap: As above.

    Returns:
        (C,) float64; 1 for a class that never occurs.
    """
    if not 0 <= beta < 1:
        raise ValueError(f"beta is {beta!r}; it must be at least 0 and below 1.")
    present = counts.images > 0
    weights = (1 - beta) / (1 - beta ** counts.images[present].astype(np.float64))
    return _spread(weights / weights.mean() if present.any() else weights, present, cap)


def check_cap(cap: float) -> None:
    """Raises a ValueError unless weights can be kept within 1 / cap and cap."""
    if not cap >= 1:
        raise ValueError(f"cap is {cap!r}; it must be at least 1.")


def _spread(weights: np.ndarray, present: np.ndarray, cap: float) -> np.ndarray:
    check_cap(cap)
    result = np.ones(len(present))
    result[present] = np.clip(weights, 1 / cap, cap)
    return result


def snippet(weights: np.ndarray, coef: Sequence[float], title: str) -> str:
    """The `loss` block of a PaddleSeg YAML with these weights."""
    numbers = ", ".join(f"{weight:.4g}" for weight in weights)
    return (
        f"# {title}\n"
        "loss:\n"
        "  types:\n"
        "    - type: CrossEntropyLoss\n"
        f"      weight: [{numbers}]\n"
        f"  coef: [{', '.join(f'{value:g}' for value in coef)}]\n"
    )
