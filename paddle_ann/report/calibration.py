"""Calibration: whether pixels that the network is 80 % sure of are right 80 % of the time.

Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks (ICML 2017), over pixels:
bins of equal width by the probability of the chosen class. They add up, so no pixel is kept.
"""

from __future__ import annotations

import numpy as np

BINS = 15  # the paper's


class Reliability:
    """Pixels by how sure the network was, and how many of them it had right.

    Attributes:
        counts: pixels, float64 [bins], whole numbers.
        confidence: sum of the chosen class's probability, float64 [bins].
        correct: pixels whose class is the label's, float64 [bins].
    """

    def __init__(self, bins: int = BINS) -> None:
        self.counts, self.confidence, self.correct = np.zeros((3, bins))

    def add(self, confidence: np.ndarray, correct: np.ndarray) -> None:
        """Count pixels.

        Args:
            confidence: probabilities [pixels], from 0 to 1. Bins are open below and closed above,
                as scikit-learn's.
            correct: bool [pixels].
        """
        bins = len(self.counts)
        edges = np.linspace(0, 1, bins + 1)[1:-1]
        place = np.searchsorted(edges, confidence)
        self.counts += np.bincount(place, minlength=bins)
        self.confidence += np.bincount(place, confidence, bins)
        self.correct += np.bincount(place, correct, bins)

    def summary(self) -> dict[str, object]:
        """Return the errors and the bins as plain numbers; None where a bin is empty.

        Returns:
            ece: mean gap between confidence and accuracy over pixels; mce: the largest gap of a
            bin; confidence and accuracy: means over pixels; bins: of each the range, pixels, mean
            confidence and accuracy.
        """
        total, bins = self.counts.sum(), len(self.counts)
        filled = self.counts > 0
        counts = np.where(filled, self.counts, 1)
        confidence, accuracy = self.confidence / counts, self.correct / counts
        gaps = np.abs(confidence - accuracy) * filled
        rows = [
            {
                "from": index / bins,
                "to": (index + 1) / bins,
                "pixels": int(self.counts[index]),
                "confidence": float(confidence[index]) if filled[index] else None,
                "accuracy": float(accuracy[index]) if filled[index] else None,
            }
            for index in range(bins)
        ]
        return {
            "ece": float((gaps * self.counts).sum() / total),
            "mce": float(gaps.max()),
            "confidence": float(self.confidence.sum() / total),
            "accuracy": float(self.correct.sum() / total),
            "bins": rows,
        }
