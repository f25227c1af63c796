"""Losses over the hardest pixels: OHEM and bootstrapped cross entropy."""

from __future__ import annotations

from typing import Any

import paddle
import paddle.nn.functional as F

from paddle_ann.compat.fix import Fix, Patches, module
from paddle_ann.compat.losses import PACKAGE, fails, labels

# -- OHEM (A2) ------------------------------------------------------------------------------------


def _hard_pixels(self: Any, logit: Any, label: Any, valid: Any) -> paddle.Tensor:
    """Labelled pixels whose class is predicted with a probability below the OHEM threshold."""
    if not 0 < self.min_kept < int(valid.sum()):
        return valid
    index = paddle.where(valid, label, paddle.zeros_like(label))
    probability = paddle.take_along_axis(F.softmax(logit.detach(), axis=1), index, axis=1)
    probability = paddle.where(valid, probability, probability + 1)  # ignored pixels come last
    kth = paddle.sort(probability.flatten())[self.min_kept - 1]
    threshold = max(float(self.thresh), float(kth))
    return paddle.logical_and(valid, probability < threshold)


def ohem_cross_entropy(self: Any, logit: Any, label: Any) -> paddle.Tensor:
    """Average over the hard pixels: `OhemCrossEntropyLoss.forward` without int + float.

    Args:
        self: The loss, with `thresh`, `min_kept`, `ignore_index` and (PaddleSeg 2.10) `weight`.
        logit: Float tensor [N, C, H, W].
        label: Integer tensor [N, H, W] or [N, 1, H, W].

    Returns:
        The mean loss of the kept pixels, 0-D.
    """
    label = (label if label.ndim == logit.ndim else label.unsqueeze(1)).astype("int64")
    kept = _hard_pixels(self, logit, label, label != self.ignore_index)
    target = paddle.where(kept, label, paddle.full_like(label, self.ignore_index))
    target.stop_gradient = True
    loss = F.cross_entropy(
        logit,
        target,
        weight=getattr(self, "weight", None),
        ignore_index=self.ignore_index,
        reduction="none",
        axis=1,
    )
    mask = kept.astype(loss.dtype)
    return (loss * mask).mean() / (mask.mean() + self.EPS)


def _ohem_bites() -> bool:
    loss = module(PACKAGE + "ohem_cross_entropy_loss").OhemCrossEntropyLoss(min_kept=1)
    return fails(loss, labels([0, 1, 255]), 0.6931472)


def _patch_ohem(patches: Patches) -> None:
    loss = module(PACKAGE + "ohem_cross_entropy_loss").OhemCrossEntropyLoss
    patches.set(loss, "forward", ohem_cross_entropy)


# -- bootstrapped cross entropy (A14) -------------------------------------------------------------


def bootstrapped_cross_entropy(self: Any, logit: Any, label: Any) -> paddle.Tensor:
    """Average over the pixels above the threshold, or over the K hardest where these are more.

    `BootstrappedCrossEntropyLoss.forward` with K limited to the pixels that there are.
    """
    label = label if label.ndim == logit.ndim else label.unsqueeze(1)
    losses = F.cross_entropy(
        logit,
        label,
        weight=self.weight,
        ignore_index=self.ignore_index,
        reduction="none",
        axis=1,
    ).reshape([logit.shape[0], -1])
    least = min(self.K, losses.shape[1])
    total = paddle.zeros([])
    for loss in losses:
        above = loss > self.threshold
        enough = int(above.sum()) > least
        kept = paddle.masked_select(loss, above) if enough else paddle.topk(loss, least)[0]
        total = total + kept.mean()
    return total / losses.shape[0]


def _bootstrapped_bites() -> bool:
    loss = module(PACKAGE + "bootstrapped_cross_entropy").BootstrappedCrossEntropyLoss
    return fails(loss(min_K=5, loss_th=0.1), labels([0, 1]), 0.6931472)


def _patch_bootstrapped(patches: Patches) -> None:
    loss = module(PACKAGE + "bootstrapped_cross_entropy").BootstrappedCrossEntropyLoss
    patches.set(loss, "forward", bootstrapped_cross_entropy)


FIXES = (
    Fix(
        "ohem-cross-entropy",
        "the same TypeError from OhemCrossEntropyLoss, once an image has more than min_kept "
        "labelled pixels",
        "OhemCrossEntropyLoss.forward adds an int64 mask to float probabilities (A2)",
        "paddleseg 2.8.0: Paddle >= 3.0",
        _ohem_bites,
        _patch_ohem,
    ),
    Fix(
        "bootstrapped-k",
        "`IndexError: starting index ... out of bounds` from BootstrappedCrossEntropyLoss on small "
        "images",
        "min_K is used as an index into the sorted pixel losses without a limit (A14)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _bootstrapped_bites,
        _patch_bootstrapped,
    ),
)
