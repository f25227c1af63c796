"""A model that cannot be trusted, and pictures that are not normalised as in training."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_ann.deploy import health
from tests.deploy.toy import make_model, normalised, picture

RIGHT = dict(mean=0.5, std=0.5)


@pytest.fixture(scope="module")
def model():
    """A model whose first batch norm has seen pictures that were normalised by 0.5 and 0.5."""
    paddle.seed(1)
    made = make_model()
    conv, norm = made.backbone.low[0], made.backbone.low[1]
    with paddle.no_grad():
        seen = conv(paddle.to_tensor(batch(**RIGHT)))
    norm._variance.set_value(seen.transpose([1, 0, 2, 3]).flatten(1).var(1))
    return made


def batch(**how) -> np.ndarray:
    return normalised([picture(65, 97, seed) for seed in range(3)], **how)


def test_right_pictures_are_let_through(model):
    health.check_numbers(model)
    health.check_statistics(model, [batch(**RIGHT)])
    assert health.variance_factor(model, [batch(**RIGHT)]) == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("how", [dict(mean=0, std=1 / 255), dict(mean=0.5, std=50)], ids=str)
def test_a_wrong_scale_is_refused(model, how):
    with pytest.raises(ValueError, match="not normalised as in training.*Check mean and std"):
        health.check_statistics(model, [batch(**how)])


def test_a_doubtful_scale_is_remarked_on(model, monkeypatch):
    remarks = []
    monkeypatch.setattr(health.logger, "warning", remarks.append)
    health.check_statistics(model, [batch(mean=0.5, std=0.2)])
    assert len(remarks) == 1 and "Perhaps" in remarks[0]


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("head.cls.weight", np.nan, "head.cls.weight holds nan or inf"),
        ("backbone.low.1._mean", np.inf, "backbone.low.1._mean holds nan or inf"),
        ("backbone.low.1._variance", -1, "backbone.low.1._variance holds a negative variance"),
    ],
)
def test_numbers_that_are_none_are_refused(name, value, message):
    broken = make_model()
    tensor = broken.state_dict()[name]
    array = tensor.numpy().copy()
    array.flat[0] = value
    tensor.set_value(array)
    with pytest.raises(ValueError, match=message):
        health.check_numbers(broken)
