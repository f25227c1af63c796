"""ResNets: sizes of the maps, names, options, registration. The numbers: tests/convert."""

import paddle
import paddleseg
import pytest
from paddleseg.cvlibs import manager

from paddle_ann import backbones
from paddle_ann.backbones import ResNet, ResNet18, ResNet50
from paddle_ann.models import ANN

NARROW = dict(stem_channels=(5,), stage_channels=(3, 5, 7, 11))


@pytest.mark.parametrize("make", [ResNet18, ResNet50])
@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_maps_have_the_output_stride(make, output_stride):
    net = make(output_stride=output_stride, **NARROW)
    sizes = [[17, 25], [9, 13], [5, 7], [3, 4]]
    last = {8: 1, 16: 2, 32: 3}[output_stride]
    for i, feat in enumerate(net(paddle.randn([2, 3, 67, 97]))):
        assert feat.shape == [2, net.feat_channels[i], *sizes[min(i, last)]]


def test_ceil_pool_rounds_up():
    x = paddle.randn([1, 3, 64, 96])
    assert ResNet(ceil_pool=True, **NARROW)(x)[3].shape[2:] == [9, 13]
    assert ResNet(ceil_pool=False, **NARROW)(x)[3].shape[2:] == [8, 12]


def test_names_are_torchvisions():
    names = set(ResNet18().state_dict())
    assert "conv1.weight" in names and "bn1._mean" in names
    assert {"layer2.0.downsample.0.weight", "layer2.0.downsample.1._variance"} <= names
    assert len(names) == 20 + 20 * 4  # convolutions and their batch norms, no classifier


@pytest.mark.parametrize("name", backbones.__all__)
def test_registered_for_yaml(name):
    assert manager.BACKBONES.components_dict[name] is getattr(backbones, name)
    assert not hasattr(paddleseg.models.backbones, name)  # takes nothing over


def test_pretrained_loads(tmp_path):
    net = ResNet18(**NARROW)
    paddle.save(net.state_dict(), str(tmp_path / "net.pdparams"))
    again = ResNet18(pretrained=str(tmp_path / "net.pdparams"), **NARROW)
    for name, tensor in net.state_dict().items():
        assert (again.state_dict()[name] == tensor).all(), name


def test_every_parameter_gets_a_gradient():
    net = ANN(3, ResNet50(**NARROW), key_value_channels=5, inter_channels=7)
    sum(
        (out * paddle.randn(out.shape)).sum() for out in net(paddle.randn([2, 3, 33, 47]))
    ).backward()
    named = net.backbone.named_parameters()
    without = [n for n, p in named if p.grad is None and not p.stop_gradient]
    assert not without


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(stem_channels=(3, 5)), ValueError, r"stem_channels must be 1 or 3 numbers"),
        (dict(stage_channels=(3, 5, 7)), ValueError, "stage_channels must be 4 numbers"),
        (dict(stage_channels=(3, 5, 7, 0)), ValueError, r"stage_channels\[3\] must be at least 1"),
        (dict(expansion=2.0), TypeError, "expansion must be an integer"),
    ],
)
def test_errors_name_the_argument(options, error, message):
    with pytest.raises(error, match=message):
        ResNet(**options)
