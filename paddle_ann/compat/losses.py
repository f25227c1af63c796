"""Losses: the type promotion that Paddle 3 refuses, and labels changed behind the caller's back."""

from __future__ import annotations

import functools
from typing import Any

import paddle
import paddle.nn.functional as F

from paddle_ann.compat.fix import Fix, Patches, module

PACKAGE = "paddleseg.models.losses."


def labels(values: list[int]) -> paddle.Tensor:
    """Make a label map (1, 1, N) to probe a loss with."""
    return paddle.to_tensor(values, dtype="int64").reshape([1, 1, -1])


def fails(loss: Any, label: paddle.Tensor, expected: float, classes: int = 2) -> bool:
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
    CrossEntropyLoss = module(PACKAGE + "cross_entropy_loss").CrossEntropyLoss
    log2 = 0.6931472
    return (
        fails(CrossEntropyLoss(), labels([0, 1, 255]), log2)
        or fails(CrossEntropyLoss(weight=[1.0, 3.0]), labels([0, 1, 255]), log2)
        or fails(
            CrossEntropyLoss(weight=[1.0, 3.0], avg_non_ignore=False),
            labels([0, 1, 255]),
            log2 * 4 / 3,
        )
    )


def _patch_cross_entropy(patches: Patches) -> None:
    loss = module(PACKAGE + "cross_entropy_loss").CrossEntropyLoss
    patches.set(loss, "_post_process_loss", average_cross_entropy)


# -- RMI (A8) -------------------------------------------------------------------------------------


def rmi_sigmoid(self: Any, logits_4D: Any, labels_4D: Any, do_rmi: bool = False) -> paddle.Tensor:
    """Compute `RMILoss.forward_sigmoid` with the mask of labelled pixels as a float."""
    clip_min = module(PACKAGE + "rmi_loss")._CLIP_MIN
    valid = labels_4D != self.ignore_index
    index = paddle.where(valid, labels_4D, paddle.zeros_like(labels_4D)).astype("int64")
    mask = valid.astype(logits_4D.dtype)
    onehot = F.one_hot(index, num_classes=self.num_classes) * mask.unsqueeze(3)
    probability = F.sigmoid(logits_4D) * mask.unsqueeze(1) + clip_min
    onehot = onehot.transpose([0, 3, 1, 2])
    onehot.stop_gradient = True
    return self.rmi_lower_bound(onehot, probability)


def _rmi_bites() -> bool:
    loss = module(PACKAGE + "rmi_loss").RMILoss(num_classes=2)
    loss.rmi_lower_bound = lambda labels, probability: probability.mean()
    return fails(loss, labels([0, 1]), 0.5 + 1e-6)


def _patch_rmi(patches: Patches) -> None:
    patches.set(module(PACKAGE + "rmi_loss").RMILoss, "forward_sigmoid", rmi_sigmoid)


# -- Dice (A10) -----------------------------------------------------------------------------------


def _dice_bites() -> bool:
    label = labels([0, 1, 255])
    module(PACKAGE + "dice_loss").DiceLoss()(paddle.zeros([1, 2, 1, 3]), label)
    return int(label.max()) != 255


def _patch_dice(patches: Patches) -> None:
    loss = module(PACKAGE + "dice_loss").DiceLoss
    forward = loss.forward

    @functools.wraps(forward)
    def on_a_copy(self: Any, logits: Any, labels: Any) -> paddle.Tensor:
        return forward(self, logits, labels.clone())

    patches.set(loss, "forward", on_a_copy)


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
)
