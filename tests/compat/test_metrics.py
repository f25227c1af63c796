"""The confusion count and the policies for absent classes against numpy."""

from __future__ import annotations

import time

import numpy as np
import paddle
import pytest
from paddleseg.utils import metrics

from paddle_ann.metrics import absent_policy, confusion_matrix, set_absent_policy


@pytest.fixture(autouse=True)
def default_policy(monkeypatch):
    monkeypatch.delenv("PADDLE_ANN_ABSENT", raising=False)
    set_absent_policy(None)
    yield
    set_absent_policy(None)


def areas(pred, label, classes, ignore=255):
    valid = label != ignore
    pred_area = [(valid & (pred == c)).sum() for c in range(classes)]
    label_area = [(valid & (label == c)).sum() for c in range(classes)]
    both = [(valid & (pred == c) & (label == c)).sum() for c in range(classes)]
    return both, pred_area, label_area


@pytest.mark.parametrize("shape", [(1, 1, 7, 5), (1, 13, 11), (3, 1, 2, 17)])
@pytest.mark.parametrize(("classes", "ignore"), [(2, 255), (19, 255), (150, 255), (5, 0), (5, -1)])
def test_areas_equal_a_count_class_by_class(shape, classes, ignore):
    rng = np.random.default_rng(classes)
    pred, label = rng.integers(0, classes, shape), rng.integers(0, classes, shape)
    label[rng.random(shape) < 0.3] = ignore
    got = metrics.calculate_area(
        paddle.to_tensor(pred.astype("int32")), paddle.to_tensor(label), classes, ignore
    )
    for tensor, expected in zip(got, areas(pred, label, classes, ignore)):
        assert tensor.dtype == paddle.int64 and tensor.numpy().tolist() == expected


def test_matrix_has_labels_in_rows():
    pred, label = paddle.to_tensor([1, 1, 0, 2]), paddle.to_tensor([0, 1, 2, 255])
    matrix = confusion_matrix(pred, label, 3, 255).numpy()
    assert matrix.tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_all_ignored_counts_nothing():
    label = paddle.full([1, 3, 3], 255, "int64")
    got = metrics.calculate_area(paddle.zeros([1, 3, 3], "int32"), label, 4)
    assert [area.numpy().sum() for area in got] == [0, 0, 0]


@pytest.mark.parametrize(
    ("pred", "label", "message"), [(0, 7, "hold 7"), (0, -2, "hold -2"), (9, 1, "class 9")]
)
def test_values_out_of_range_are_not_dropped(pred, label, message):
    with pytest.raises(ValueError, match=message):
        metrics.calculate_area(
            paddle.full([1, 2, 2], pred, "int32"), paddle.full([1, 2, 2], label), 3
        )


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="should be equal"):
        metrics.calculate_area(paddle.zeros([1, 2, 2]), paddle.zeros([1, 2, 3]), 3)


def test_150_classes_cost_no_more_than_2():
    rng = np.random.default_rng(0)

    def seconds(classes):
        pred, label = (paddle.to_tensor(rng.integers(0, classes, (1, 512, 512))) for _ in range(2))
        times = []
        for _ in range(5):
            start = time.perf_counter()
            metrics.calculate_area(pred, label, classes)[0].numpy()
            times.append(time.perf_counter() - start)
        return min(times)

    assert seconds(150) < 5 * seconds(2)  # one class at a time took 75 times as long


# Classes: 0 half right, 1 missed, 2 invented, 3 absent from both.
AREAS = ([4, 0, 0, 0], [6, 0, 4, 0], [6, 4, 0, 0])
IOU, DICE = [4 / 8, 0, 0], [8 / 12, 0, 0]
PRECISION, RECALL = [4 / 6, 0, 0], [4 / 6, 0, 0]
NAN = float("nan")


@pytest.mark.parametrize(
    ("policy", "iou", "other", "miou", "mdice"),
    [
        ("present", NAN, NAN, 0.5 / 3, 8 / 12 / 3),
        ("zero", 0, 0, 0.5 / 4, 8 / 12 / 4),
        ("one", 1, 0, 1.5 / 4, 8 / 12 / 4),
    ],
)
def test_policies(policy, iou, other, miou, mdice):
    set_absent_policy(policy)
    tensors = [paddle.to_tensor(area) for area in AREAS]
    class_iou, mean_iou = metrics.mean_iou(*tensors)
    class_dice, mean_dice = metrics.dice(*tensors)
    accuracy, precision, recall = metrics.class_measurement(*tensors)
    np.testing.assert_allclose(class_iou, [*IOU, iou])
    np.testing.assert_allclose(class_dice, [*DICE, other])
    np.testing.assert_allclose(precision, [*PRECISION, other])
    np.testing.assert_allclose(recall, [*RECALL, other])
    assert (mean_iou, mean_dice, accuracy) == pytest.approx((miou, mdice, 0.4))


def test_a_perfect_prediction_is_one():
    area = paddle.to_tensor([0, 5, 0, 9])
    assert metrics.mean_iou(area, area, area)[1] == 1.0
    assert metrics.dice(area, area, area)[1] == 1.0


def test_nothing_to_evaluate_is_an_error():
    nothing = paddle.zeros([4], "int64")
    with pytest.raises(ValueError, match="nothing to evaluate"):
        metrics.mean_iou(nothing, nothing, nothing)


def test_policy_by_environment_and_bad_names(monkeypatch):
    monkeypatch.setenv("PADDLE_ANN_ABSENT", "one")
    assert absent_policy() == "one"
    set_absent_policy("zero")
    assert absent_policy() == "zero"
    with pytest.raises(ValueError, match="present, zero, one.*'two'"):
        set_absent_policy("two")
    set_absent_policy(None)
    monkeypatch.setenv("PADDLE_ANN_ABSENT", "half")
    with pytest.raises(ValueError, match="PADDLE_ANN_ABSENT"):
        absent_policy()
