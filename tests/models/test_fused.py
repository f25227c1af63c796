"""The inference form: equal to the model and to PaddleSeg's, and refusing what it cannot hold."""

import numpy as np
import paddle
import pytest
from paddle import nn
from paddleseg.models import ANN as PaddleSegANN
from paddleseg.models.ann import ANNHead as PaddleSegANNHead
from paddleseg.models.backbones import ResNet18_vd

import paddle_ann
from paddle_ann.models import ANN, ANNHead
from paddle_ann.models.fused import FusedHead
from tests.helpers import copy_state, in_mode, randomize

CHANNELS = (22, 34)


def make_head(cls=ANNHead, psp_size=(1, 3, 6, 8), **options):
    head = cls(5, (0, 1), CHANNELS, 13, 17, psp_size, **options)
    return in_mode(randomize(head), False)


def features(batch, high, low=None):
    return [paddle.randn([batch, CHANNELS[0], *(low or high)]),
            paddle.randn([batch, CHANNELS[1], *high])]  # fmt: skip


def compare(head, feats):
    expected, actual = head(feats)[0].numpy(), FusedHead(head)(feats)[0].numpy()
    assert actual.shape == expected.shape
    scale = np.abs(expected).max()
    ring = np.ones(expected.shape[2:], bool)
    ring[1:-1, 1:-1] = False
    # The outermost ring on its own: zero padding goes wrong there first.
    assert np.abs(actual - expected)[:, :, ring].max() / scale < 1e-5
    assert np.abs(actual - expected).max() / scale < 1e-5


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("size", [(7, 11), (16, 16), (13, 5), (1, 2), (1, 1)])
def test_equals_the_head(batch, size):
    compare(make_head(), features(batch, size))


@pytest.mark.parametrize(
    "options",
    [
        dict(psp_size=(1, 2)),
        dict(psp_size=(17,)),
        dict(use_fusion=False),
        dict(use_context=False),
        dict(use_fusion=False, use_context=False),
    ],
    ids=str,
)
def test_any_pool_sizes_and_ablations(options):
    compare(make_head(**options), features(2, (7, 11)))


def test_low_and_high_maps_of_different_size():
    compare(make_head(), features(2, (7, 11), (13, 22)))


def test_built_from_paddlesegs_own_head():
    compare(make_head(PaddleSegANNHead), features(2, (7, 11)))


def test_widening_head():
    head = ANNHead(5, (0, 1), (6, 7), 13, 17, (1, 3))
    head = in_mode(randomize(head), False)
    feats = [paddle.randn([2, 6, 7, 11]), paddle.randn([2, 7, 7, 11])]
    compare(head, feats)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("shape", [[2, 3, 65, 97], [1, 3, 64, 64]])
def test_whole_network_equals_paddlesegs(shape, align_corners):
    args = dict(num_classes=3, key_value_channels=11, inter_channels=13,
                align_corners=align_corners)  # fmt: skip
    theirs = in_mode(randomize(PaddleSegANN(backbone=ResNet18_vd(), **args)), False)
    ours = in_mode(ANN(backbone=ResNet18_vd(), **args), False)
    copy_state(theirs, ours)
    x = paddle.randn(shape)
    expected = theirs(x)[0]
    for model in (ours, theirs):
        (actual,) = paddle_ann.fuse(model)(x)
        assert actual.shape == expected.shape
        assert float((actual - expected).abs().max() / expected.abs().max()) < 1e-5


def test_every_parameter_of_the_head_matters_as_in_the_model():
    head, feats = make_head(), features(2, (7, 11))
    before = head(feats)[0]
    for name, tensor in head.state_dict().items():
        if name.startswith("auxlayer"):
            continue
        kept = tensor.clone()
        tensor.set_value(kept + (0.3 * kept.abs() + 0.1))
        expected, actual = head(feats)[0], FusedHead(head)(feats)[0]
        scale = expected.abs().max()
        change = float((expected - before).abs().max() / scale)
        assert change > 1e-4, f"{name} does not change the output: this test shows nothing"
        assert float((actual - expected).abs().max() / scale) < 1e-5, name
        tensor.set_value(kept)


def test_the_model_itself_is_left_as_it_is():
    model = in_mode(ANN(num_classes=3, backbone=ResNet18_vd()), False)
    before = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    fused = paddle_ann.fuse(model)
    fused.backbone.conv1_1._conv.weight.set_value(fused.backbone.conv1_1._conv.weight * 0)
    assert before.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name])
    assert not any("auxlayer" in name for name in fused.state_dict())


def test_refuses_training_mode_and_other_models():
    model = ANN(num_classes=3, backbone=ResNet18_vd())
    with pytest.raises(RuntimeError, match=r"model.eval\(\)"):
        paddle_ann.fuse(in_mode(model, True))
    with pytest.raises(TypeError, match="takes an ANN; received Linear"):
        paddle_ann.fuse(nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match="inference only"):
        paddle_ann.fuse(in_mode(model, False)).train()


def spoil_norm(head):
    head.fusion.conv_bn._batch_norm = nn.GroupNorm(1, 34)


def spoil_conv(head):
    head.context[1].stages[0].f_value = nn.Conv2D(17, 13, 3, padding=1)


def spoil_hook(head):
    head.cls.register_forward_post_hook(lambda *_: None)


def spoil_stages(head):
    head.fusion.stages.append(head.fusion.stages[0])


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (spoil_norm, "head.fusion.conv_bn._batch_norm must be a batch norm; received GroupNorm"),
        (spoil_conv, "head.context.1.f_value must be a plain 1x1"),
        (spoil_hook, "head.cls has forward hooks"),
        (spoil_stages, "head.fusion has 2 attention stages"),
    ],
)
def test_refuses_by_name_what_it_cannot_represent(spoil, named):
    args = dict(num_classes=5, backbone=ResNet18_vd(), key_value_channels=13, inter_channels=17)
    model = in_mode(ANN(**args), False)
    model.head = make_head()
    spoil(model.head)
    with pytest.raises(ValueError, match=named):
        paddle_ann.fuse(model)
