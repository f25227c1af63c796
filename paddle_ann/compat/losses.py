"""Losses: the type promotion that Paddle 3 refuses, and labels changed behind the caller's back."""

from __future__ import annotations

import functools
from typing import Any

import paddle
import paddle.nn.functional as F

from paddle_ann.compat.fix import Fix, Patches, module

_PACKAGE = "paddleseg.models.losses."


def _labels(values: list[int]) -> paddle.Tensor:
    return paddle.to_tensor(values, dtype="int64").reshape([1, 1, -1])


def _fails(loss: Any, label: paddle.Tensor, expected: float, classes: int = 2) -> bool:
    """True if a loss of equal logits raises, or is not the expected value."""
    logit = paddle.zeros([1, classes, 1, label.shape[-1]])
    try:
        return abs(float(loss(logit, label)) - expected) > 1e-4
    except Exception:
        return True


# -- cross entropy (A1, A13) ----------------------------------------------------------------------


def average_cross_entropy(
    self: Any, logit: Any, label: Any, semantic_weights: Any, loss: Any
) -> paddle.Tensor:
    """Average the pixel losses as `CrossEntropyLoss._post_process_loss` means to.

    With `avg_non_ignore` (the default) the denominator is the sum of the class weights of the
    labelled pixels; without it, the number of all pixels (as in PaddleSeg 2.10 and in
    mmsegmentation, where the option comes from). With `top_k_percent_pixels` it is the sum of the
    weights of the pixels kept.
    """
    valid = label != self.ignore_index
    mask = valid.astype(loss.dtype)
    mask = mask if self.avg_non_ignore else paddle.ones_like(mask)
    if loss.ndim > mask.ndim:
        loss = loss.squeeze(-1)
    loss = loss * mask
    if semantic_weights is not None:
        loss = loss * semantic_weights
    coef = paddle.ones_like(mask)
    if self.weight is not None and self.avg_non_ignore:
        index = paddle.where(valid, label, paddle.zeros_like(label))
        coef = paddle.gather(self.weight.astype(loss.dtype), index.flatten()).reshape(label.shape)
    mask.stop_gradient = coef.stop_gradient = True
    if self.top_k_percent_pixels == 1.0:
        return loss.mean() / ((mask * coef).mean() + self.EPS)
    loss, kept = paddle.topk(loss.flatten(), int(self.top_k_percent_pixels * loss.size))
    return loss.mean() / (paddle.gather(coef.flatten(), kept).mean() + self.EPS)


def _cross_entropy_bites() -> bool:
    CrossEntropyLoss = module(_PACKAGE + "cross_entropy_loss").CrossEntropyLoss
    log2 = 0.6931472
    return (
        _fails(CrossEntropyLoss(), _labels([0, 1, 255]), log2)
        or _fails(CrossEntropyLoss(weight=[1.0, 3.0]), _labels([0, 1, 255]), log2)
        or _fails(
            CrossEntropyLoss(weight=[1.0, 3.0], avg_non_ignore=False),
            _labels([0, 1, 255]),
            log2 * 4 / 3,
        )
    )


def _patch_cross_entropy(patches: Patches) -> None:
    loss = module(_PACKAGE + "cross_entropy_loss").CrossEntropyLoss
    patches.set(loss, "_post_process_loss", average_cross_entropy)


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
    loss = module(_PACKAGE + "ohem_cross_entropy_loss").OhemCrossEntropyLoss(min_kept=1)
    return _fails(loss, _labels([0, 1, 255]), 0.6931472)


def _patch_ohem(patches: Patches) -> None:
    loss = module(_PACKAGE + "ohem_cross_entropy_loss").OhemCrossEntropyLoss
    patches.set(loss, "forward", ohem_cross_entropy)


# -- RMI (A8) -------------------------------------------------------------------------------------


def rmi_sigmoid(self: Any, logits_4D: Any, labels_4D: Any, do_rmi: bool = False) -> paddle.Tensor:
    """Compute `RMILoss.forward_sigmoid` with the mask of labelled pixels as a float."""
    clip_min = module(_PACKAGE + "rmi_loss")._CLIP_MIN
    valid = labels_4D != self.ignore_index
    index = paddle.where(valid, labels_4D, paddle.zeros_like(labels_4D)).astype("int64")
    mask = valid.astype(logits_4D.dtype)
    onehot = F.one_hot(index, num_classes=self.num_classes) * mask.unsqueeze(3)
    probability = F.sigmoid(logits_4D) * mask.unsqueeze(1) + clip_min
    onehot = onehot.transpose([0, 3, 1, 2])
    onehot.stop_gradient = True
    return self.rmi_lower_bound(onehot, probability)


def _rmi_bites() -> bool:
    loss = module(_PACKAGE + "rmi_loss").RMILoss(num_classes=2)
    loss.rmi_lower_bound = lambda labels, probability: probability.mean()
    return _fails(loss, _labels([0, 1]), 0.5 + 1e-6)


def _patch_rmi(patches: Patches) -> None:
    patches.set(module(_PACKAGE + "rmi_loss").RMILoss, "forward_sigmoid", rmi_sigmoid)


# -- Dice (A10) -----------------------------------------------------------------------------------


def _dice_bites() -> bool:
    label = _labels([0, 1, 255])
    module(_PACKAGE + "dice_loss").DiceLoss()(paddle.zeros([1, 2, 1, 3]), label)
    return int(label.max()) != 255


def _patch_dice(patches: Patches) -> None:
    loss = module(_PACKAGE + "dice_loss").DiceLoss
    forward = loss.forward

    @functools.wraps(forward)
    def on_a_copy(self: Any, logits: Any, labels: Any) -> paddle.Tensor:
        return forward(self, logits, labels.clone())

    patches.set(loss, "forward", on_a_copy)


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
    loss = module(_PACKAGE + "bootstrapped_cross_entropy").BootstrappedCrossEntropyLoss
    return _fails(loss(min_K=5, loss_th=0.1), _labels([0, 1]), 0.6931472)


def _patch_bootstrapped(patches: Patches) -> None:
    loss = module(_PACKAGE + "bootstrapped_cross_entropy").BootstrappedCrossEntropyLoss
    patches.set(loss, "forward", bootstrapped_cross_entropy)


FIXES = (
    Fix(
        "cross-entropy",
        "`TypeError: (InvalidType) Type promotion only support calculations between floating-point "
        "numbers` in the first iteration; with weight and avg_non_ignore=False, an error of "
        "one_hot on label 255",
        "CrossEntropyLoss._post_process_loss multiplies the float mask by an int64 coefficient, "
        "and by labels that still hold ignore_index (A1, A13)",
        "paddleseg 2.8.0: Paddle >= 3.0; the weighted case without avg_non_ignore on 2.6.2 too",
        _cross_entropy_bites,
        _patch_cross_entropy,
    ),
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
        "rmi",
        "the same TypeError from RMILoss",
        "RMILoss.forward_sigmoid multiplies floats by a bool mask (A8)",
        "paddleseg 2.8.0: Paddle >= 3.0",
        _rmi_bites,
        _patch_rmi,
    ),
    Fix(
        "dice-labels",
        "MixedLoss with DiceLoss first: RuntimeError about tensor_version in backward (Paddle 3), "
        "or the next loss silently counts ignored pixels as class 0 (2.6.2)",
        "DiceLoss.forward overwrites ignore_index in the caller's label tensor (A10)",
        "paddleseg 2.8.0 and 2.10, every Paddle",
        _dice_bites,
        _patch_dice,
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
