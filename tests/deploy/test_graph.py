"""What is exported: the model's function, traced with any size, right in Paddle Inference."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn
from paddleseg.models import ANN as PaddleSegANN

from paddle_ann.deploy.graph import ExportedANN, resize_by_matrices, trace
from paddle_ann.deploy.runner.engines import open_engine
from paddle_ann.models import ANN, ANNNet
from tests.deploy.toy import Backbone, make_model, normalised, picture

KINDS = {
    "ours": (ANN, {}),
    "corners": (ANN, {"align_corners": True}),
    "PaddleSeg's": (PaddleSegANN, {}),
}


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(7, 11), (97, 65), (2, 2), (3, 29)])
@pytest.mark.parametrize("old", [(5, 3), (1, 13), (11, 1), (17, 13)])
def test_resize_by_matrices_is_interpolate(old, size, align_corners):
    x, like = paddle.randn([2, 3, *old]), paddle.zeros([2, 3, *size])
    expected = F.interpolate(x, size, mode="bilinear", align_corners=align_corners)
    actual = resize_by_matrices(x, like, align_corners)
    assert actual.shape == expected.shape
    assert float((actual - expected).abs().max()) < 1e-5


SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind != "ours"]


@pytest.mark.parametrize("kind", ["ours", *SLOW])
def test_paddle_inference_with_its_default_settings_equals_the_model(kind, tmp_path):
    cls, options = KINDS[kind]
    model = make_model(cls, **options)
    trace(ExportedANN(model, ("argmax", "softmax", "logits")), tmp_path)
    run = open_engine("paddle", tmp_path)
    for count, height, width in ((1, 65, 97), (5, 33, 49), (2, 127, 63)):
        x = normalised([picture(height, width, seed) for seed in range(count)])
        expected = model(paddle.to_tensor(x))[0]
        logits = run(x, 2)
        assert np.abs(logits - expected.numpy()).max() < 1e-5 * float(expected.abs().max())
        assert np.abs(run(x, 1) - F.softmax(expected, axis=1).numpy()).max() < 1e-5
        ids = run(x, 0)
        assert ids.dtype == np.int32 and ids.shape == (count, height, width)
        assert np.array_equal(ids, logits.argmax(1))
        assert len(np.unique(ids)) > 1


def test_paddle_inference_leaves_the_threads_of_the_process_alone(tmp_path):
    loaded = Path("/proc/self/maps").read_text().split()
    (library,) = {word for word in loaded if "libmklml" in word}
    threads = ctypes.CDLL(library).MKL_Get_Max_Threads
    cls, options = KINDS["ours"]
    trace(ExportedANN(make_model(cls, **options), ("argmax", "logits")), tmp_path)
    before = threads()
    open_engine("paddle", tmp_path)(normalised([picture(33, 49, 0)]), 1)
    assert threads() == before


@pytest.mark.slow
def test_annnet_is_traced_too(tmp_path):
    widths = dict(key_channels=8, value_channels=9, inter_channels=13)
    model = ANNNet(5, Backbone(), (0, 1), zero_init=False, **widths)
    model.eval()
    trace(ExportedANN(model, ("logits",)), tmp_path)
    x = normalised([picture(65, 97), picture(65, 97, 1)])
    expected = model(paddle.to_tensor(x))[0].numpy()
    actual = open_engine("paddle", tmp_path)(x, 0)
    assert np.abs(actual - expected).max() < 1e-5 * np.abs(expected).max()


def test_what_cannot_be_exported_is_refused():
    with pytest.raises(TypeError, match="ANN or ANNNet; received Linear"):
        ExportedANN(nn.Linear(3, 5), ("logits",))
    training = make_model()
    training.train()
    with pytest.raises(RuntimeError, match="eval"):
        ExportedANN(training, ("logits",))
