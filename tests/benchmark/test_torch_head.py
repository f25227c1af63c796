"""The PyTorch transcriptions compute what the Paddle layers compute, with the same weights."""

import numpy as np
import paddle
import pytest
from paddleseg.models.ann import ANNHead as PaddleSegANNHead

from paddle_ann.benchmark import paddleseg_cases
from paddle_ann.benchmark.macs import Widths
from paddle_ann.benchmark.weights import difference, features, fill, fill_torch
from paddle_ann.models import ANNHead
from tests.helpers import without_dropout

torch = pytest.importorskip("torch", reason="the optional extra `benchmark` is not installed")

from paddle_ann.benchmark import torch_forms, torch_head  # noqa: E402

W = Widths(22, 34, 13, 13, 19, 5, height=11, width=7)
SHAPES = [(2, 22, 11, 7), (2, 34, 11, 7)]
FORMS = {"plain": (PaddleSegANNHead, torch_head.Head), "training": (ANNHead, torch_forms.CheapHead)}


def paddle_head(kind):
    channels = (W.low, W.high)
    return fill(kind(W.classes, (0, 1), channels, W.key, W.inter, W.pool_sizes))


@pytest.fixture
def arrays():
    return [features(shape, seed=i, negative=True) for i, shape in enumerate(SHAPES)]


@pytest.mark.parametrize("form", FORMS)
def test_transcription_evaluates_like_the_layer(form, arrays):
    layer, module = paddle_head(FORMS[form][0]), fill_torch(FORMS[form][1](W))
    layer.eval()
    module.eval()
    expected = layer([paddle.to_tensor(a) for a in arrays])
    with torch.no_grad():
        actual = module([torch.from_numpy(a) for a in arrays])
    assert len(actual) == len(expected) == (2 if form == "plain" else 1)
    for mine, theirs in zip(actual, expected):
        assert difference(theirs.numpy(), mine.numpy()) < 1e-5


@pytest.mark.parametrize("form", FORMS)
def test_transcription_trains_like_the_layer(form, arrays):
    """Outputs and the gradients of inputs and parameters, in training mode without dropout."""
    layer, module = paddle_head(FORMS[form][0]), fill_torch(FORMS[form][1](W))
    without_dropout(layer).train()
    module.train()
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0
    xs = [paddle.to_tensor(a, stop_gradient=False) for a in arrays]
    ts = [torch.from_numpy(a).requires_grad_(True) for a in arrays]
    outputs = list(zip(layer(xs), module(ts)))
    directions = [features(tuple(a.shape), seed=9, negative=True) for a, _ in outputs]
    sum((a * paddle.to_tensor(d)).sum() for (a, _), d in zip(outputs, directions)).backward()
    sum((b * torch.from_numpy(d)).sum() for (_, b), d in zip(outputs, directions)).backward()
    for a, b in outputs:
        assert difference(a.numpy(), b.detach().numpy()) < 1e-5
    expected = {f"input {i}": x.grad.numpy() for i, x in enumerate(xs)}
    actual = {f"input {i}": t.grad.numpy() for i, t in enumerate(ts)}
    trained = [(n, p) for n, p in layer.named_parameters() if p.trainable]
    expected |= {name: p.grad.numpy() for name, p in trained}
    actual |= {n: p.grad.numpy() for n, p in module.named_parameters()}
    assert actual.keys() == expected.keys()
    largest = max(np.abs(array).max() for array in expected.values())
    for name, array in expected.items():
        assert np.abs(array - actual[name]).max() / largest < 1e-5, name


def test_inference_form_equals_the_fused_layer_and_the_plain_head(arrays):
    layer = paddle_head(ANNHead)
    layer.eval()
    fused = paddleseg_cases.inference_head(layer, W)
    expected = fused([paddle.to_tensor(a) for a in arrays])
    cheap = fill_torch(torch_forms.CheapHead(W)).eval()
    plain = fill_torch(torch_head.Head(W)).eval()
    inputs = [torch.from_numpy(a) for a in arrays]
    actual = torch_forms.InferenceHead(cheap)(inputs)
    assert len(actual) == len(expected) == 1
    assert difference(expected[0].numpy(), actual[0].numpy()) < 1e-5
    with torch.no_grad():
        assert difference(plain(inputs)[0].numpy(), actual[0].numpy()) < 1e-5


def test_a_changed_weight_is_noticed(arrays):
    """The comparison can fail: it does for one weight of one layer."""
    plain = fill_torch(torch_head.Head(W)).eval()
    inputs = [torch.from_numpy(a) for a in arrays]
    with torch.no_grad():
        before = plain(inputs)[0].numpy()
        plain.context[1].stages[0].W.bias[3] += 0.01
        assert difference(before, plain(inputs)[0].numpy()) > 1e-4
