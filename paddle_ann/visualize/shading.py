"""The colours of attention: cool below the uniform weight, warm above it, brighter for more."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

__all__ = ["LEAST_TOP", "ramp", "scale_top", "shade", "ticks"]

LEAST_TOP = 4.0  # so that weights that are all nearly uniform look so

# Of growing lightness; the uniform weight is the neutral one in the middle.
_ANCHORS = (
    (0.00, (8, 12, 40)),
    (0.25, (24, 58, 112)),
    (0.50, (98, 102, 114)),
    (0.62, (196, 104, 62)),
    (0.80, (248, 164, 54)),
    (1.00, (255, 250, 170)),
)


def ramp() -> np.ndarray:
    """The 256 colours of the scale from bottom to top, (256, 3) uint8."""
    places, colors = zip(*_ANCHORS)
    steps = np.linspace(0, 1, 256)
    channels = [np.interp(steps, places, channel) for channel in zip(*colors)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def scale_top(weights: Iterable[np.ndarray]) -> float:
    """The upper end of a scale, in multiples of the uniform weight.

    Args:
        weights: Arrays (..., S) whose largest weight is the end; at least `LEAST_TOP` times.
    """
    return max([LEAST_TOP, *(float(w.max()) * w.shape[-1] for w in weights)])


def shade(weights: np.ndarray, uniform: float, top: float) -> np.ndarray:
    """Places weights on the scale, whose steps are ratios: from uniform / top to uniform * top.

    Args:
        weights: Any shape, from 0 to 1.
        uniform: 1 / S, which is in the middle.
        top: See `scale_top`.

    Returns:
        0 to 255, indices into `ramp()`, in the shape of `weights`; what lies beyond an end has its
        colour.
    """
    with np.errstate(divide="ignore"):
        share = 0.5 + 0.5 * np.log(np.asarray(weights, np.float64) / uniform) / np.log(top)
    return (np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)


def ticks(top: float) -> list[float]:
    """Where a scale is labelled, in multiples of the uniform weight: its ends, 1, and between."""
    middle = float(f"{top**0.5:.1g}")
    return [1 / top, 1 / middle, 1, middle, top]
