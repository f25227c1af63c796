"""The bootstrap against resampling written out, and how often it covers the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from paddle_ann.report import bootstrap, measures


def ratio(sums):
    """A score of sums of two counts: [..., 2] to [..., 1]."""
    return (sums[..., 0] / sums[..., 1])[..., None]


def test_resamples_have_as_many_images_and_repeat(monkeypatch):
    drawn = np.concatenate(list(bootstrap.weights(7, 23, 5)))
    assert drawn.shape == (23, 7) and (drawn.sum(1) == 7).all()
    assert np.array_equal(drawn, np.concatenate(list(bootstrap.weights(7, 23, 5))))
    assert not np.array_equal(drawn, np.concatenate(list(bootstrap.weights(7, 23, 6))))
    monkeypatch.setattr(bootstrap, "_TOGETHER", 7 * 5)  # some at a time
    several = list(bootstrap.weights(7, 23, 5))
    assert [len(some) for some in several] == [5, 5, 5, 5, 3]
    assert np.array_equal(drawn, np.concatenate(several))


def test_a_score_of_a_resample_is_that_of_the_images_in_it():
    counts = np.random.default_rng(0).integers(0, 50, (11, 3, 5))
    scores = bootstrap.resample(counts, measures.class_iou, 13, seed=2)
    for times, found in zip(np.concatenate(list(bootstrap.weights(11, 13, 2))), scores):
        images = counts.repeat(times.astype(int), axis=0)
        np.testing.assert_allclose(found, measures.class_iou(images.sum(0)))


def test_the_interval_agrees_with_scipys_percentiles():
    generator = np.random.default_rng(1)
    whole = generator.integers(50, 90, 31)
    counts = np.stack([generator.binomial(whole, 0.7), whole], 1)
    ours = bootstrap.interval(bootstrap.resample(counts, ratio, 9000))
    theirs = stats.bootstrap(
        (counts[:, 0], counts[:, 1]),
        lambda right, of, axis=-1: right.sum(axis) / of.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=9000,
    ).confidence_interval
    assert ours.low[0] == pytest.approx(theirs.low, abs=2e-3)
    assert ours.high[0] == pytest.approx(theirs.high, abs=2e-3)


def test_it_covers_the_truth_about_as_often_as_it_says():
    """Images of which each has its own accuracy, 0.7 on the whole; 40 of them, 300 times."""
    generator, covered = np.random.default_rng(8), 0
    for trial in range(300):
        counts = np.stack([generator.beta(7, 3, 40) * 100, np.full(40, 100.0)], 1)
        low, high = bootstrap.interval(bootstrap.resample(counts, ratio, 400, trial))
        covered += bool(low[0] <= 0.7 <= high[0])
    assert 0.90 <= covered / 300 <= 0.98


def test_scores_that_are_none_are_left_out():
    scores = np.array([[np.nan, 0.1], [np.nan, np.nan], [np.nan, 0.3]])
    low, high = bootstrap.interval(scores, 0.5)
    assert np.isnan([low[0], high[0]]).all()
    assert (low[1], high[1]) == (pytest.approx(0.15), pytest.approx(0.25))
