"""The mended losses against an independent numpy computation."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddleseg.models.losses import (
    BootstrappedCrossEntropyLoss,
    CrossEntropyLoss,
    DiceLoss,
    DistillCrossEntropyLoss,
    MixedLoss,
    OhemCrossEntropyLoss,
    RMILoss,
)

N, C, H, W = 2, 5, 7, 11
IGNORE = 255


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    label = rng.integers(0, C, (N, H, W))
    label[rng.random((N, H, W)) < 0.2] = IGNORE
    return rng.normal(size=(N, C, H, W)).astype("float32"), label


def log_softmax(logit):
    shifted = logit - logit.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def pixel_losses(logit, label):
    """Loss of each pixel, 0 where ignored, and the mask of labelled pixels."""
    valid = label != IGNORE
    index = np.where(valid, label, 0)
    loss = -np.take_along_axis(log_softmax(logit.astype("float64")), index[:, None], 1)[:, 0]
    return np.where(valid, loss, 0), valid, index


def value(loss, logit, label, *extra):
    return float(loss(paddle.to_tensor(logit), *extra, paddle.to_tensor(label)))


WEIGHT = np.array([1.0, 0.5, 2.0, 3.0, 0.25])


def test_cross_entropy_is_the_mean_over_labelled_pixels(batch):
    loss, valid, _ = pixel_losses(*batch)
    assert value(CrossEntropyLoss(), *batch) == pytest.approx(loss.sum() / valid.sum(), rel=1e-5)


def test_weighted_cross_entropy_divides_by_the_weights_of_labelled_pixels(batch):
    loss, valid, index = pixel_losses(*batch)
    weight = WEIGHT[index] * valid
    expected = (loss * weight).sum() / weight.sum()
    assert value(CrossEntropyLoss(weight=WEIGHT.tolist()), *batch) == pytest.approx(
        expected, rel=1e-5
    )


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_without_avg_non_ignore_the_mean_is_over_all_pixels(batch, weight):
    loss, valid, index = pixel_losses(*batch)
    scale = 1 if weight is None else weight[index]
    expected = (loss * scale).sum() / valid.size
    made = CrossEntropyLoss(None if weight is None else weight.tolist(), avg_non_ignore=False)
    assert value(made, *batch) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_top_k_keeps_the_hardest_pixels(batch, weight):
    loss, _, index = pixel_losses(*batch)
    coef = np.ones(loss.size) if weight is None else weight[index].ravel()
    loss = loss.ravel() * coef
    kept = np.argsort(-loss)[: int(0.3 * loss.size)]
    expected = loss[kept].mean() / coef[kept].mean()
    made = CrossEntropyLoss(None if weight is None else weight.tolist(), top_k_percent_pixels=0.3)
    assert value(made, *batch) == pytest.approx(expected, rel=1e-5)


def test_semantic_weights_scale_the_pixels(batch):
    loss, valid, _ = pixel_losses(*batch)
    scale = np.random.default_rng(1).random(loss.shape)
    got = CrossEntropyLoss()(*map(paddle.to_tensor, (*batch, scale.astype("float32"))))
    assert float(got) == pytest.approx((loss * scale).sum() / valid.sum(), rel=1e-5)


def test_distillation_takes_the_teachers_probabilities(batch):
    logit, label = batch
    teacher = np.random.default_rng(8).normal(size=logit.shape).astype("float32")
    probability = np.exp(log_softmax(teacher.astype("float64")))
    loss = -(probability * log_softmax(logit.astype("float64"))).sum(1)
    valid = label != IGNORE
    expected = (loss * valid).sum() / valid.sum()
    got = value(DistillCrossEntropyLoss(), logit, label, paddle.to_tensor(teacher))
    assert got == pytest.approx(expected, rel=1e-5)


def test_all_ignored_gives_zero_loss_and_finite_gradients(batch):
    logit = paddle.to_tensor(batch[0], stop_gradient=False)
    loss = CrossEntropyLoss()(logit, paddle.full([N, H, W], IGNORE, "int64"))
    loss.backward()
    assert float(loss) == 0 and np.isfinite(logit.grad.numpy()).all()


def test_gradient_of_cross_entropy(batch):
    logit, label = batch
    tensor = paddle.to_tensor(logit, stop_gradient=False)
    CrossEntropyLoss()(tensor, paddle.to_tensor(label)).backward()
    _, valid, index = pixel_losses(logit, label)
    expected = np.exp(log_softmax(logit.astype("float64"))) - np.eye(C)[index].transpose(0, 3, 1, 2)
    expected *= valid[:, None] / valid.sum()
    np.testing.assert_allclose(tensor.grad.numpy(), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("thresh", "min_kept"), [(0.7, 20), (0.05, 20), (0.7, 10**4), (0.2, 1)])
def test_ohem_keeps_pixels_below_the_threshold(batch, thresh, min_kept):
    loss, valid, _ = pixel_losses(*batch)
    probability = np.where(valid, np.exp(-loss), 2.0)
    kept = valid
    if min_kept < valid.sum():
        kth = np.sort(probability.ravel())[min_kept - 1]
        kept = valid & (probability < max(thresh, kth))
    expected = (loss * kept).mean() / (kept.mean() + 1e-5)
    got = value(OhemCrossEntropyLoss(thresh, min_kept), *batch)
    assert got == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_bootstrapped_with_fewer_pixels_than_k(batch):
    loss, _, _ = pixel_losses(*batch)
    expected = np.mean([image.mean() for image in loss])
    got = value(BootstrappedCrossEntropyLoss(min_K=10**4, loss_th=0.3), *batch)
    assert got == pytest.approx(expected, rel=1e-5)


def test_bootstrapped_means_the_pixels_above_the_threshold(batch):
    loss, _, _ = pixel_losses(*batch)
    expected = np.mean([image[image > 0.3].mean() for image in loss])
    got = value(BootstrappedCrossEntropyLoss(min_K=3, loss_th=0.3), *batch)
    assert got == pytest.approx(expected, rel=1e-5)


def test_dice_leaves_the_labels_alone(batch):
    label = paddle.to_tensor(batch[1])
    DiceLoss()(paddle.to_tensor(batch[0]), label)
    assert (label.numpy() == batch[1]).all()


def test_mixed_with_dice_first_equals_the_losses_by_themselves(batch):
    logit = paddle.to_tensor(batch[0], stop_gradient=False)
    mixed = MixedLoss([DiceLoss(), CrossEntropyLoss()], [1.0, 1.0])(
        logit, paddle.to_tensor(batch[1])
    )
    sum(mixed).backward()
    assert float(mixed[1]) == pytest.approx(value(CrossEntropyLoss(), *batch), rel=1e-6)


def test_rmi_does_not_look_at_ignored_pixels(batch):
    logit = np.random.default_rng(5).normal(size=(1, C, 24, 24)).astype("float32")
    label = np.random.default_rng(6).integers(0, C, (1, 24, 24))
    label[:, :, 12:] = IGNORE
    other = logit.copy()
    other[..., 12:] += 3
    loss = RMILoss(num_classes=C)
    assert np.isfinite(value(loss, logit, label))
    assert value(loss, other, label) == pytest.approx(value(loss, logit, label), rel=1e-5)
    other[..., :12] += 3
    assert value(loss, other, label) != pytest.approx(value(loss, logit, label), rel=1e-5)
