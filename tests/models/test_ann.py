"""ANN against the real paddleseg.models.ANN: same weights, same outputs, same gradients."""

import paddle
import paddleseg
import pytest
from paddleseg.cvlibs import manager
from paddleseg.models import ANN as PaddleSegANN
from paddleseg.models.ann import ANNHead as PaddleSegANNHead
from paddleseg.models.backbones import ResNet18_vd, ResNet50_vd

from paddle_ann import registry
from paddle_ann.models import ANN, ANNHead
from tests.helpers import (
    assert_close,
    assert_close_in_float32,
    compare_with,
    copy_state,
    in_mode,
    randomize,
)

HEAD = (5, (0, 1), (22, 34), 13, 17, (1, 3, 6, 8))
SHAPES = {
    "odd": ([1, 22, 7, 11], [1, 34, 7, 11]),
    "batch3": ([3, 22, 13, 5], [3, 34, 13, 5]),
    "low-is-larger": ([2, 22, 13, 22], [2, 34, 7, 11]),
    "tiny": ([2, 22, 1, 2], [2, 34, 1, 2]),
}


def head_pair():
    return PaddleSegANNHead(*HEAD), ANNHead(*HEAD)


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_head_trains_like_paddlesegs(shapes):
    ours, theirs, in_float64 = compare_with(head_pair, shapes, training=True)
    assert_close_in_float32(ours, theirs)
    assert_close(*in_float64, 1e-10)


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_head_evaluates_like_paddlesegs(shapes):
    inputs = [paddle.randn(s) for s in shapes]
    theirs, ours = head_pair()
    copy_state(randomize(theirs), ours)
    ours, theirs = (in_mode(head, False)(inputs) for head in (ours, theirs))
    assert len(ours) == 1  # the auxiliary head is for training
    assert_close({"out": ours[0].numpy(), "g": 1.0}, {"out": theirs[0].numpy(), "g": 1.0}, 1e-5)


def test_one_seed_draws_paddlesegs_initial_weights():
    states = []
    for kind in (PaddleSegANN, ANN):
        paddle.seed(7)
        states.append(kind(num_classes=3, backbone=ResNet18_vd()).state_dict())
    theirs, ours = states
    assert list(theirs) == list(ours)
    assert [name for name in theirs if not paddle.equal_all(theirs[name], ours[name])] == []


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("shape", [[1, 3, 65, 97], [3, 3, 64, 64]])
def test_whole_network_equals_paddlesegs(shape, align_corners):
    args = dict(num_classes=3, key_value_channels=11, inter_channels=13,
                align_corners=align_corners)  # fmt: skip
    theirs = PaddleSegANN(backbone=ResNet18_vd(), **args)
    ours = ANN(backbone=ResNet18_vd(), **args)
    copy_state(randomize(theirs), ours)
    x = paddle.randn(shape)
    mine, reference = in_mode(ours, False)(x)[0], in_mode(theirs, False)(x)[0]
    assert mine.shape == [shape[0], 3, *shape[2:]]
    assert float((mine - reference).abs().max() / reference.abs().max()) < 1e-5


def test_checkpoints_load_both_ways_with_no_warning(tmp_path, caplog):
    theirs = PaddleSegANN(num_classes=3, backbone=ResNet50_vd())
    path = str(tmp_path / "model.pdparams")
    paddle.save(theirs.state_dict(), path)
    ours = ANN(num_classes=3, backbone=ResNet50_vd(), pretrained=path)
    for name, tensor in theirs.state_dict().items():
        assert (ours.state_dict()[name] == tensor).all(), name
    paddle.save(ours.state_dict(), path)
    again = PaddleSegANN(num_classes=3, backbone=ResNet50_vd(), pretrained=path)
    assert set(again.state_dict()) == set(ours.state_dict())


def test_psp_size_reaches_both_blocks():
    ours = ANN(num_classes=3, backbone=ResNet18_vd(), psp_size=(1, 2))
    samplings = [s for s in ours.sublayers() if type(s).__name__ == "PyramidSampling"]
    assert [s.num_positions for s in samplings] == [5, 5]


def test_auxiliary_logits_in_training_only():
    model = ANN(num_classes=3, backbone=ResNet18_vd(), key_value_channels=5, inter_channels=7)
    x = paddle.randn([2, 3, 33, 33])
    assert [y.shape for y in in_mode(model, True)(x)] == [[2, 3, 33, 33]] * 2
    assert len(in_mode(model, False)(x)) == 1
    single = ANN(num_classes=3, backbone=ResNet18_vd(), enable_auxiliary_loss=False)
    assert len(in_mode(single, True)(x)) == 1


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        (dict(use_fusion=False), {"APNB"}),
        (dict(use_context=False), {"AFNB"}),
        (dict(use_fusion=False, use_context=False), set()),
    ],
)
def test_ablation_switches_leave_blocks_out(options, layers):
    model = ANN(num_classes=3, backbone=ResNet18_vd(), **options)
    found = {type(s).__name__ for s in model.sublayers()} & {"AFNB", "APNB"}
    assert found == layers
    assert in_mode(model, False)(paddle.randn([1, 3, 32, 32]))[0].shape == [1, 3, 32, 32]


def test_registered_openly_and_reversibly():
    assert manager.MODELS["ANN"] is ANN
    assert paddleseg.models.ANN is PaddleSegANN
    assert manager.MODELS["PaddleSegANN"] is PaddleSegANN
    registry.register()
    registry.unregister()
    try:
        assert manager.MODELS["ANN"] is PaddleSegANN
        assert "CamVid" not in manager.DATASETS.components_dict
    finally:
        registry.register()
    assert manager.MODELS["ANN"] is ANN


@pytest.mark.parametrize(
    ("change", "error", "named"),
    [
        (dict(num_classes=1), ValueError, "num_classes must be at least 2; received 1"),
        (dict(num_classes=0), ValueError, "num_classes"),
        (dict(num_classes="21"), TypeError, "num_classes"),
        (dict(backbone_indices=(2, 4)), ValueError, "backbone_indices"),
        (dict(backbone_indices=(3,)), ValueError, "backbone_indices"),
        (dict(key_value_channels=0), ValueError, "key_value_channels"),
        (dict(inter_channels=-1), ValueError, "inter_channels"),
        (dict(psp_size=(1, 0)), ValueError, "psp_size"),
        (dict(backbone=object()), TypeError, "backbone"),
        (dict(align_corners=[]), TypeError, r"align_corners must be True or False .*received \[\]"),
        (dict(enable_auxiliary_loss=1), TypeError, "enable_auxiliary_loss must be True or False"),
        (dict(use_fusion="False"), TypeError, "use_fusion must be True or False .*'False' of type"),
        (dict(use_context=None), TypeError, "use_context must be True or False"),
        (dict(zero_init=0.0), TypeError, "zero_init must be True or False"),
        (dict(channel_dropout=""), TypeError, "channel_dropout must be True or False"),
    ],
)
def test_bad_arguments_are_named(change, error, named):
    arguments = {"num_classes": 3, "backbone": ResNet18_vd(), **change}
    with pytest.raises(error, match=named):
        ANN(**arguments)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_every_resnet_vd_can_be_named_in_yaml(depth):
    assert manager.BACKBONES[f"ResNet{depth}_vd"].__name__ == f"ResNet{depth}_vd"


@pytest.mark.parametrize("depth", [34, 152])
def test_backbones_that_paddleseg_does_not_register_work(depth):
    backbone = manager.BACKBONES[f"ResNet{depth}_vd"](output_stride=8)
    model = in_mode(ANN(num_classes=3, backbone=backbone), False)
    assert model(paddle.randn([1, 3, 33, 33]))[0].shape == [1, 3, 33, 33]
