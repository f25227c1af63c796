"""Reliability bins against numbers worked out by hand and against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from paddle_ann.report import Reliability


def test_by_hand():
    bins = Reliability(4)
    bins.add(np.array([0.3, 0.5, 0.6, 0.9, 1.0]), np.array([True, False, False, True, True]))
    found = bins.summary()
    rows = [(b["pixels"], b["confidence"], b["accuracy"]) for b in found["bins"]]
    assert rows[0] == (0, None, None)
    assert rows[1] == (2, pytest.approx(0.4), 0.5)  # 0.5 belongs to the lower bin
    assert rows[2] == (1, pytest.approx(0.6), 0.0)
    assert rows[3] == (2, pytest.approx(0.95), 1.0)
    assert found["ece"] == pytest.approx((2 * 0.1 + 0.6 + 2 * 0.05) / 5)
    assert found["mce"] == pytest.approx(0.6)
    assert (found["confidence"], found["accuracy"]) == (pytest.approx(0.66), pytest.approx(0.6))


def test_the_bins_are_scikit_learns_and_do_not_depend_on_the_parts():
    generator = np.random.default_rng(3)
    confidence = generator.random(9973).astype(np.float32)
    confidence[:7] = 1.0
    correct = generator.random(9973) < confidence**2
    whole, parts = Reliability(), Reliability()
    whole.add(confidence, correct)
    for part in np.array_split(np.arange(9973), 11):
        parts.add(confidence[part], correct[part])
    accuracy, sure = calibration_curve(correct, confidence, n_bins=15)
    found = whole.summary()
    np.testing.assert_allclose([b["accuracy"] for b in found["bins"]], accuracy)
    np.testing.assert_allclose([b["confidence"] for b in found["bins"]], sure, rtol=1e-6)
    assert parts.summary()["ece"] == pytest.approx(found["ece"], rel=1e-9)
    assert sum(b["pixels"] for b in found["bins"]) == 9973


def test_a_network_that_knows_how_sure_it_is_has_no_error():
    bins = Reliability()
    for share in (0.2, 0.5, 0.8):
        bins.add(np.full(10, share), np.arange(10) < 10 * share)
    assert bins.summary()["ece"] == pytest.approx(0, abs=1e-12)
