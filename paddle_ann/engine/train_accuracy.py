"""How many pixels a training's own forward passes get right."""

from __future__ import annotations

from typing import Any


def pixel_counts(outputs: Any, labels: Any, ignore_index: int) -> tuple[Any, Any] | None:
    """Count the pixels that the first output gets right.

    Args:
        outputs: of the model; the first is [N, C, H, W].
        labels: integers [N, H, W] or [N, 1, H, W].
        ignore_index: label of pixels that do not count.

    Returns:
        Tensors: how many are right, of how many that count; None if output and labels differ in
        size.
    """
    logits = outputs[0] if isinstance(outputs, (list, tuple)) and outputs else outputs
    if labels is None or getattr(logits, "ndim", 0) != 4:
        return None
    labels = labels.squeeze(1) if labels.ndim == 4 else labels
    labels = labels.astype("int64")
    if [logits.shape[0], *logits.shape[2:]] != list(labels.shape):
        return None
    counted = labels != ignore_index
    right = (logits.detach().argmax(axis=1) == labels).logical_and(counted)
    return right.astype("int64").sum(), counted.astype("int64").sum()
