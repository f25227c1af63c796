"""Whole networks: converted weights compute what the peer's network, in plain torch, computes."""

import numpy as np
import paddle
import pytest

from paddle_ann.backbones import ResNet
from paddle_ann.convert import from_state, from_torch, to_torch
from paddle_ann.models import ANN, ANNNet, fuse

torch = pytest.importorskip("torch", reason="the peers are transcribed in torch")
from tests.convert import peers  # noqa: E402

DEEP = (3, 5, 7)
NETS = {
    "mmseg": lambda: peers.Mmseg(peers.ResNet("mmseg", stem=DEEP, second=1), 24, 32),
    "mmseg without auxiliary head": lambda: peers.Mmseg(
        peers.ResNet("mmseg", stem=DEEP), 24, 32, aux=None
    ),
    "mmseg V1d": lambda: peers.Mmseg(peers.ResNet("mmseg", stem=DEEP, avg_down=True), 24, 32),
    "mmseg V1": lambda: peers.Mmseg(peers.ResNet("mmseg"), 24, 32),
    "mmseg basic blocks": lambda: peers.Mmseg(
        peers.ResNet("mmseg", (2, 2, 2, 2), stem=DEEP, expansion=None, second=1), 6, 8
    ),
    "authors": lambda: peers.Authors(peers.ResNet("authors", stem=DEEP, ceil=True), 24, 32),
    "authors 7x7": lambda: peers.Authors(peers.ResNet("authors", ceil=True), 24, 32),
    "tutorial": lambda: peers.Tutorial(
        peers.ResNet("torchvision", plan=peers.TUTORIAL, classes=10), 24, 32
    ),
}


def state_of(net):
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


def error(ours, theirs):
    """The largest difference, relative to the largest value where that is above 1."""
    assert list(ours.shape) == list(theirs.shape)
    largest = max(float(theirs.abs().max()), 1.0)
    return float(np.abs(ours.numpy() - theirs.numpy()).max()) / largest


def image(shape):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(shape, generator=generator)


SLOW = [pytest.param(size, marks=pytest.mark.slow) for size in ((65, 96), (71, 53))]


@pytest.mark.parametrize("size", [(64, 97), *SLOW], ids=str)
@pytest.mark.parametrize("name", NETS)
def test_logits(name, size):
    theirs = peers.randomize(NETS[name]())
    ours, report = from_state(state_of(theirs), name.split()[0])
    x = image((2, 3, *size))
    expected = theirs(x)
    (logits,) = ours(paddle.to_tensor(x.numpy()))
    assert float(expected[0].abs().max()) > 0.3
    assert error(logits, expected[0]) < 3e-5
    assert isinstance(ours, ANNNet if name == "tutorial" else ANN)
    if len(expected) == 2:
        low = ours.backbone(paddle.to_tensor(x.numpy()))[2]
        auxiliary = paddle.nn.functional.interpolate(
            ours.head.auxlayer(low), list(size), mode="bilinear", align_corners=ours.align_corners
        )
        assert error(auxiliary, expected[1]) < 3e-5
    assert ours.head.enable_auxiliary_loss is bool(len(expected) == 2)
    assert report.renamed.keys() | report.dropped.keys() == theirs.state_dict().keys()


@pytest.mark.parametrize("name", NETS)
def test_paddle_to_torch_to_paddle_is_bit_equal(name):
    source = name.split()[0]
    ours, report = from_state(state_of(peers.randomize(NETS[name]())), source)
    again, _ = from_state(to_torch(ours, source), source)
    for key, tensor in ours.state_dict().items():
        if key not in report.initial:
            assert (again.state_dict()[key] == tensor).all(), key


@pytest.mark.parametrize("name", NETS)
def test_the_peer_loads_what_is_written(name):
    source = name.split()[0]
    theirs = peers.randomize(NETS[name]())
    ours, _ = from_state(state_of(theirs), source)
    written = {k: torch.tensor(v) for k, v in to_torch(ours, source).items()}
    written.update({k: v for k, v in theirs.state_dict().items() if ".fc." in k})
    NETS[name]().load_state_dict(written)  # strict: no key missing, none unexpected


def test_biases_go_into_the_running_means():
    """The authors' convolutions have biases, mmsegmentation's have not: the same function."""
    theirs = peers.randomize(peers.Authors(peers.ResNet("authors"), 24, 32, value=7))
    ours, _ = from_state(state_of(theirs), "authors", ceil_pool=False)
    mmseg = peers.Mmseg(peers.ResNet("mmseg"), 24, 32, aux=11).eval().requires_grad_(False)
    mmseg.align_corners = True
    mmseg.load_state_dict({k: torch.tensor(v) for k, v in to_torch(ours, "mmseg").items()})
    x = image((2, 3, 65, 97))
    for after, before in zip(mmseg(x), theirs(x)):
        assert float((after - before).abs().max()) < 3e-5


@pytest.mark.slow
def test_paddlesegs_ann_to_mmsegmentation():
    """PaddleSeg's ANN on ResNet_vd is mmsegmentation's on ResNetV1d without contraction."""
    from paddleseg.models import ANN as PaddleSegANN
    from paddleseg.models.backbones import ResNet50_vd

    from tests.helpers import randomize

    model = PaddleSegANN(5, ResNet50_vd(), key_value_channels=7, inter_channels=10)
    randomize(model).eval()
    backbone = peers.ResNet(
        "mmseg", (3, 4, 6, 3), (64, 128, 256, 512), (32, 32, 64), peers.WHOLE, avg_down=True
    )
    theirs = peers.Mmseg(backbone, 1024, 2048, aux=512)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in to_torch(model, "mmseg").items()})
    x = image((1, 3, 65, 49))
    expected = theirs.eval().requires_grad_(False)(x)
    for ours, reference in zip(model(paddle.to_tensor(x.numpy())), expected):
        assert error(ours, reference) < 1e-4


BACKBONES = {
    "torchvision": (lambda **o: peers.ResNet("torchvision", classes=11, **o), peers.STRIDE32, {}),
    "torchvision basic": (
        lambda **o: peers.ResNet("torchvision", (2, 2, 2, 2), expansion=None, **o),
        peers.STRIDE32,
        {},
    ),
    "torchvision os8": (
        lambda **o: peers.ResNet("torchvision", **o), peers.CONTRACTED, {"output_stride": 8}
    ),
    "torchvision os16": (
        lambda **o: peers.ResNet("torchvision", **o), peers.STRIDE16, {"output_stride": 16}
    ),
    "torchvision wide": (
        lambda **o: peers.ResNet("torchvision", expansion=2, **o), peers.STRIDE32, {}
    ),
    "timm": (lambda **o: peers.ResNet("timm", classes=11, **o), peers.STRIDE32, {}),
    "timm basic os8": (
        lambda **o: peers.ResNet("timm", (2, 2, 2, 2), expansion=None, **o),
        peers.CONTRACTED,
        {"output_stride": 8},
    ),
    "timm d": (
        lambda **o: peers.ResNet("timm", stem=DEEP, avg_down=True, **o), peers.STRIDE32, {}
    ),
    "mmseg": (
        lambda **o: peers.ResNet("mmseg", stem=DEEP, **o), peers.CONTRACTED, {}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BACKBONES)
def test_backbone_maps(name):
    make, plan, options = BACKBONES[name]
    theirs = peers.randomize(make(plan=plan))
    ours, report = from_state(state_of(theirs), name.split()[0], **options)
    assert isinstance(ours, ResNet) and report.part == "backbone"
    for size in ((64, 96), (67, 101)):
        x = image((2, 3, *size))
        for mine, reference in zip(ours(paddle.to_tensor(x.numpy())), theirs(x)):
            assert error(mine, reference) < 1e-5
    again, _ = from_state(to_torch(ours, name.split()[0]), name.split()[0], **options)
    for key, tensor in ours.state_dict().items():
        assert (again.state_dict()[key] == tensor).all(), key


@pytest.mark.slow
@pytest.mark.parametrize(
    ("output_stride", "plan"), [(32, peers.STRIDE32), (8, peers.WHOLE)], ids=["32", "8"]
)
def test_resnet50d_becomes_paddlesegs_resnet_vd(output_stride, plan):
    widths = ((3, 4, 6, 3), (64, 128, 256, 512), (32, 32, 64))
    theirs = peers.randomize(peers.ResNet("timm", *widths, plan, avg_down=True, classes=3))
    ours, report = from_state(state_of(theirs), "timm", output_stride=output_stride)
    assert type(ours).__name__ == "ResNet_vd" and report.config["type"] == "ResNet50_vd"
    assert report.renamed["conv1.0.weight"] == "conv1_1._conv.weight"
    assert not report.zeroed and not report.initial
    x = image((1, 3, 65, 47))
    for mine, reference in zip(ours(paddle.to_tensor(x.numpy())), theirs(x)):
        assert error(mine, reference) < 1e-4
    again, _ = from_state(to_torch(ours, "timm"), "timm")
    for key, tensor in ours.state_dict().items():
        assert (again.state_dict()[key] == tensor).all(), key


@pytest.mark.parametrize("name", ["mmseg", "authors"])
def test_converted_models_can_be_fused(name):
    ours, _ = from_state(state_of(peers.randomize(NETS[name]())), name)
    x = paddle.to_tensor(image((1, 3, 65, 97)).numpy())
    assert float((fuse(ours)(x)[0] - ours(x)[0]).abs().max()) < 1e-4


def test_prefixes_and_wrappers_are_taken_off(tmp_path):
    net = peers.randomize(NETS["authors"]())
    state = {f"module.{key}": tensor for key, tensor in net.state_dict().items()}
    torch.save({"state_dict": state, "config_dict": {"gpu": [0]}}, tmp_path / "net.pth")
    ours, report = from_torch(tmp_path / "net.pth", "authors")
    assert isinstance(ours, ANN) and len(report.renamed) + len(report.dropped) == len(state)
    assert ours.align_corners is True


def test_what_tensors_cannot_tell_can_be_given():
    state = state_of(NETS["mmseg"]())
    ours, report = from_state(state, "mmseg", align_corners=True, psp_size=(1, 2), output_stride=16)
    assert ours.align_corners is True and report.config["psp_size"] == (1, 2)
    assert report.config["backbone"]["output_stride"] == 16
    assert report.config["auxiliary_channels"] == 9


def test_one_tensor_under_two_names_must_be_equal():
    state = state_of(NETS["tutorial"]())
    state["APNB.Conv_Out.bias"] = state["APNB.Conv_Out.bias"] + 1
    with pytest.raises(ValueError, match="APNB.Conv_Out.bias and context.3.Conv_Out.bias are one"):
        from_state(state, "tutorial")
    state = state_of(NETS["mmseg"]())
    key = "decode_head.context.stages.0.query_project.conv.weight"
    state[key] = state[key] + 1
    with pytest.raises(ValueError, match="one parameter here, and differ in the file"):
        from_state(state, "mmseg")


@pytest.mark.parametrize("name", ["mmseg", "authors", "tutorial"])
def test_a_file_may_hold_shared_tensors_once(name):
    """As safetensors' save_model writes it."""
    state = state_of(peers.randomize(NETS[name]()))
    once = {
        key: array
        for key, array in state.items()
        if not ("context" in key and ("query" in key or key.startswith("context.3.")))
    }
    assert len(once) < len(state)
    first, second = (from_state(s, name)[0].state_dict() for s in (state, once))
    for key, tensor in first.items():
        assert (second[key] == tensor).all(), key


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("decode_head.conv_seg.weight", "incomplete: cls.weight .* is missing"),
        ("backbone.layer3.1.bn2.running_mean", r"layer3.1.bn2._mean +- +\[6\] +missing"),
        ("backbone.layer3.0.conv2.weight", r"layer3.0.conv2.weight \(our name\).* is missing"),
        ("auxiliary_head.conv_seg.bias", r"head.auxlayer.conv.bias +- +\[\d+\] +missing"),
    ],
)
def test_an_incomplete_file_is_refused(key, message):
    state = state_of(NETS["mmseg"]())
    del state[key]
    with pytest.raises(ValueError, match=message):
        from_state(state, "mmseg")


@pytest.mark.parametrize(
    ("key", "shape", "message"),
    [
        ("backbone.layer3.0.conv1.weight", (10**9, 0, 1, 1), "has the shape .1000000000, 0, 1, 1"),
        ("backbone.layer3.0.conv1.weight", (10**5, 1, 1, 1), "it should have 20 inputs"),
        ("backbone.layer2.1.conv3.weight", (10**5, 1, 1, 1), "it should have 20 outputs"),
        ("backbone.layer2.1.conv2.weight", (5, 1, 3, 3), "it should have 5 inputs"),
        ("decode_head.bottleneck.conv.weight", (10**5, 1, 3, 3), "it should have 10 outputs"),
        ("decode_head.conv_seg.weight", (10**5, 1, 1, 1), "it should have 1 outputs"),
    ],
)
def test_tensors_that_do_not_fit_together_build_nothing(key, shape, message):
    state = state_of(NETS["mmseg"]())
    state[key] = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=message):
        from_state(state, "mmseg")


def test_a_lost_bias_is_not_taken_for_none():
    state = state_of(NETS["authors"]())
    del state["context.0.bias"]
    with pytest.raises(ValueError, match=r"head.context.0._conv.bias +- +\[10\] +missing"):
        from_state(state, "authors")


@pytest.mark.parametrize(
    ("model", "target", "message"),
    [
        (lambda: ANNNet(3, ResNet(stage_channels=(3, 5, 7, 11))), "mmseg", "mmseg has no network"),
        (lambda: ResNet(stem_channels=(3, 5, 7)), "tutorial", "no name for backbone.stem.0"),
        (lambda: ANN(3, ResNet()), "timm", "timm has no network of this kind, whole"),
        (lambda: {"a.b": np.ones(3)}, "torch", "received names that begin with a"),
        (lambda: {}, "keras", "target must be one of torch, mmseg, .* received 'keras'"),
    ],
)
def test_what_has_no_peer_is_refused(model, target, message):
    with pytest.raises(ValueError, match=message):
        to_torch(model(), target)
