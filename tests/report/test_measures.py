"""Scores of counts by hand, and the same as the ones that evaluations print."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddleseg.utils import metrics

from paddle_ann.metrics import set_absent_policy
from paddle_ann.report import measures

MATRIX = np.array([[6, 2, 0, 0], [1, 3, 0, 1], [0, 4, 0, 0], [0, 0, 0, 0]])
AREAS = measures.areas(MATRIX)


@pytest.fixture(params=["present", "zero", "one"])
def policy(request):
    set_absent_policy(request.param)
    yield request.param
    set_absent_policy(None)


def test_areas_and_scores_by_hand():
    assert AREAS.tolist() == [[6, 3, 0, 0], [7, 9, 0, 1], [8, 5, 4, 0]]
    np.testing.assert_allclose(measures.class_iou(AREAS), [6 / 9, 3 / 11, 0, 0])
    assert measures.accuracy(AREAS) == 9 / 17
    assert measures.image_iou(AREAS) == pytest.approx((6 / 9 + 3 / 11 + 0) / 3)  # 3 has no label


def test_many_at_once_are_each_alone():
    several = np.random.default_rng(2).integers(0, 9, (3, 7, 5, 5))
    parts = measures.areas(several)
    assert parts.shape == (3, 7, 3, 5)
    for score in (measures.mean_iou, measures.accuracy, measures.image_iou):
        found = score(parts)
        assert found.shape == (3, 7) and found[1, 3] == score(measures.areas(several[1, 3]))


def test_means_are_those_of_an_evaluation(policy):
    matrix = MATRIX[:3, :3].copy()
    matrix = np.pad(matrix, ((0, 2), (0, 2)))  # two classes that are nowhere
    parts = measures.areas(matrix)
    both, prediction, label = (paddle.to_tensor(part) for part in parts)
    iou, mean = metrics.mean_iou(both, prediction, label)
    np.testing.assert_array_equal(measures.class_iou(parts), iou)
    assert measures.mean_iou(parts) == pytest.approx(mean, rel=1e-15)


def test_an_image_without_labels_has_no_score():
    empty = measures.areas(np.zeros((3, 3), int))
    assert np.isnan(measures.image_iou(empty)) and np.isnan(measures.accuracy(empty))


def test_confused_pairs():
    pairs = measures.confused(MATRIX)
    assert [(p.label, p.prediction, p.pixels) for p in pairs[:2]] == [(2, 1, 4), (0, 1, 2)]
    assert pairs[0].share == 1.0 and pairs[1].share == 0.25 and pairs[0].errors == 0.5
    assert len(pairs) == 4 and measures.confused(MATRIX, 1) == pairs[:1]
    assert measures.confused(np.eye(3, dtype=int)) == []
