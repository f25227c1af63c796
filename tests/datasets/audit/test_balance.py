"""Class frequencies and weights, against the formulas written out."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
import yaml

from paddle_ann.datasets.audit import balance

MASKS = [{0: 70, 1: 30}, {0: 90, 2: 10, 255: 50}, {0: 100, 9: 4}, {255: 11}]


@pytest.fixture
def counts() -> balance.Counts:
    made = balance.Counts.zero(4)
    for mask in MASKS:
        made.add(mask, 255)
    return made


def test_counts(counts):
    assert counts.pixels.tolist() == [260, 30, 10, 0]
    assert counts.images.tolist() == [3, 1, 1, 0]
    assert counts.beside.tolist() == [300, 100, 100, 0]
    assert counts.ignored == 61


def test_ignored_class_does_not_count():
    made = balance.Counts.zero(3)
    made.add({0: 5, 1: 3}, ignore_index=0)
    assert made.pixels.tolist() == [0, 3, 0] and made.ignored == 5


def test_median_frequency(counts):
    # frequencies 260/300, 30/100, 10/100; the median is 0.3
    expected = [0.3 / (260 / 300), 1, 3, 1]
    assert np.allclose(balance.median_frequency(counts), expected)
    assert np.allclose(balance.median_frequency(counts, cap=2), [0.5, 1, 2, 1])


def test_effective_number(counts):
    raw = np.array(
        [1 / (1 + 0.5 + 0.25), 1, 1]
    )  # (1 - b) / (1 - b^n) = 1 / (1 + b + ... + b^(n-1))
    expected = [*(raw / raw.mean()), 1]
    assert np.allclose(balance.effective_number(counts, beta=0.5), expected)
    assert np.allclose(balance.effective_number(counts, beta=0.0), 1)


def test_nothing_counted_gives_ones():
    nothing = balance.Counts.zero(3)
    for weights in (balance.median_frequency(nothing), balance.effective_number(nothing)):
        assert weights.tolist() == [1, 1, 1]


@pytest.mark.parametrize("wrong", [{"beta": 1.0}, {"beta": -0.1}, {"cap": 0.5}])
def test_wrong_numbers(counts, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        balance.effective_number(counts, **wrong)


def test_the_snippet_is_a_loss_that_paddleseg_builds(counts):
    from paddleseg.models.losses import CrossEntropyLoss

    text = balance.snippet(balance.median_frequency(counts), (1, 0.4), "a title")
    block = yaml.safe_load(text)["loss"]
    assert text.startswith("# a title\n") and block["coef"] == [1, 0.4]
    (settings,) = block["types"]
    assert settings.pop("type") == "CrossEntropyLoss"
    loss = CrossEntropyLoss(**settings)
    logits = np.random.default_rng(0).normal(size=(1, 4, 3, 5)).astype(np.float32)
    label = np.random.default_rng(1).choice([0, 1, 2, 255], (1, 3, 5))
    found = float(loss(paddle.to_tensor(logits), paddle.to_tensor(label)))

    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    n, y, x = np.nonzero(label != 255)
    ids = label[n, y, x]
    weight = np.array(settings["weight"])[ids]
    expected = -(weight * log_p[n, ids, y, x]).sum() / weight.sum()
    assert found == pytest.approx(expected, rel=1e-4)
