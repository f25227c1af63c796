"""A confusion matrix as a picture."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from paddle_ann.fonts import font_for

MOST_NUMBERED = 25  # classes: with more, the cells are too small for numbers
MOST_NAMED = 50  # names along a side; of more classes every second, third, ... has its name there
LONGEST = 24  # letters of a name


def draw(confusion: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Draw the shares of each class's labelled pixels by prediction.

    Args:
        confusion: pixels by label (rows) and prediction, integers [C, C].
        names: C names.

    Returns:
        (H, W, 3) uint8 RGB. A row sums to 1; that of a class without a pixel is empty.
    """
    shares = row_shares(confusion)
    count = len(shares)
    side = float(np.clip(0.34 * count, 3.5, 12.0))
    figure = Figure(figsize=(side + 2.6, side + 1.8), dpi=80, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="viridis", vmin=0, vmax=1)
    texts = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
    size = float(np.clip(220 / max(count, 1), 6.0, 9.0))
    font = _font("".join(texts), size)
    named = slice(None, None, -(-count // MOST_NAMED))
    axes.set_xticks(range(count)[named], texts[named], rotation=90, fontproperties=font)
    axes.set_yticks(range(count)[named], texts[named], fontproperties=font)
    axes.set_xlabel("prediction")
    axes.set_ylabel("label")
    axes.set_title("share of the label's pixels")
    figure.colorbar(image, ax=axes, fraction=0.046)
    if count <= MOST_NUMBERED:
        for row, column in zip(*np.nonzero(shares >= 0.005)):
            share = shares[row, column]
            color = "black" if share > 0.6 else "white"
            text = f"{share:.2f}"[1:] if share < 0.995 else "1"
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=color)
    with warnings.catch_warnings():  # a letter that no font of this machine has becomes a box
        warnings.filterwarnings("ignore", "Glyph")
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def row_shares(confusion: np.ndarray) -> np.ndarray:
    """Divide each row by its sum; nan in the row of a class without a pixel."""
    counts = np.asarray(confusion, np.float64)
    sums = counts.sum(1, keepdims=True)
    return np.divide(counts, sums, out=np.full_like(counts, np.nan), where=sums > 0)


def _font(text: str, size: float) -> FontProperties:
    """Return a font that has the letters: Pillow knows one for Chinese where there is any."""
    path = getattr(font_for(text, 10), "path", None)
    return (
        FontProperties(fname=path, size=size)
        if isinstance(path, str)
        else FontProperties(size=size)
    )
