"""Bootstrap over images: how far a score would move with other images of the same kind.

Efron and Tibshirani: An Introduction to the Bootstrap (1993), chapter 13 (percentile intervals).
A resample is a number of times for each image; a score of it is that of the weighted sum of the
images' counts, so thousands of resamples are one product of matrices. Images are taken as
independent: of frames of one video, which are not, the intervals are too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

LEVEL = 0.95
_TOGETHER = 4_000_000  # weights in memory at once


class Interval(NamedTuple):
    """The ends of an interval, each a number or an array; nan where there is none."""

    low: np.ndarray
    high: np.ndarray


def weights(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Draw resamples: how often each image is in them.

    The same arguments give the same resamples, so two runs on the same images can be paired.

    Args:
        images: n, at least 1.
        resamples: how many, at least 1.
        seed: of numpy's generator.

    Yields:
        float64 [some, n], whole numbers, each row of sum n; together `resamples` rows.
    """
    generator = np.random.default_rng(seed)
    some = max(1, _TOGETHER // images)
    for start in range(0, resamples, some):
        count = min(some, resamples - start)
        yield generator.multinomial(images, np.full(images, 1 / images), count).astype(np.float64)


def resample(
    counts: np.ndarray,
    score: Callable[[np.ndarray], np.ndarray],
    resamples: int,
    seed: int = 0,
) -> np.ndarray:
    """Compute a score on resamples of the images.

    Args:
        counts: of each image, [n, ...]; they are added up.
        score: maps sums [some, ...] to scores [some, ...].
        resamples: how many.
        seed: see `weights`.

    Returns:
        Scores, float64 [resamples, ...].
    """
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    parts = [
        score((drawn @ flat).reshape(-1, *counts.shape[1:]))
        for drawn in weights(len(counts), resamples, seed)
    ]
    return np.concatenate(parts)


def interval(scores: np.ndarray, level: float = LEVEL) -> Interval:
    """Return the percentile interval of scores of resamples.

    Args:
        scores: [resamples, ...]; those that are nan (a class that a resample has not) are left out.
        level: the share of the resamples in the interval, below 1.

    Returns:
        Its ends [...]; nan where no score is a number.
    """
    tails = [50 * (1 - level), 50 * (1 + level)]
    known = ~np.isnan(scores).all(0)
    ends = np.full((2, *scores.shape[1:]), np.nan)
    ends[:, known] = np.nanpercentile(scores[:, known], tails, axis=0)
    return Interval(*ends)
