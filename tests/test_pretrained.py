"""Weights fill the model exactly, or all but a classifier for other classes, or a table says no."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn
from paddleseg import utils
from paddleseg.utils import logger

from paddle_ann.backbones import ResNet
from paddle_ann.models import ANN, ANNNet
from paddle_ann.pretrained import is_lenient, lenient, load_all, load_pretrained

NARROW = {"blocks": (1, 1, 1, 1), "stage_channels": (3, 5, 7, 11), "stem_channels": (3,)}


def ann(num_classes: int = 5, kind: type = ANN, inter_channels: int = 12, **options) -> nn.Layer:
    backbone = ResNet(**NARROW, **options.pop("of_backbone", {}))
    if kind is ANN:
        options = {"key_value_channels": 7, **options}
    else:
        options = {"key_channels": 7, "value_channels": 7, **options}
    return kind(num_classes, backbone, inter_channels=inter_channels, **options)


def arrays_of(layer: nn.Layer) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in layer.state_dict().items()}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    for level in ("info", "warning"):
        monkeypatch.setattr(
            logger, level, lambda text, level=level: lines.append(f"{level}: {text}")
        )
    return lines


CLASSIFIER = {
    f"head.{name}.{leaf}" for name in ("cls", "auxlayer.conv") for leaf in ("weight", "bias")
}


@pytest.mark.parametrize("kind", [ANN, ANNNet])
@pytest.mark.parametrize(("then", "now"), [(21, 5), (3, 7)])
def test_exactly_the_classifier_is_dropped(kind: type, then: int, now: int) -> None:
    model, before = ann(now, kind), ann(then, kind)
    own = arrays_of(model)
    loaded = load_pretrained(model, before.state_dict(), "x.pdparams")
    assert {row.key for row in loaded.classifier} == CLASSIFIER
    assert loaded.filled == len(own) - 4 and not loaded.unused and not loaded.wrong
    for key, value in arrays_of(model).items():
        source = own if key in CLASSIFIER else arrays_of(before)
        np.testing.assert_array_equal(value, source[key])


def test_with_the_same_classes_all_is_loaded() -> None:
    model, before = ann(), ann()
    loaded = load_pretrained(model, before.state_dict(), "x.pdparams")
    assert loaded.filled == len(model.state_dict()) and not loaded.classifier
    for key, value in arrays_of(model).items():
        np.testing.assert_array_equal(value, arrays_of(before)[key])


def test_it_says_so_with_names_and_shapes(said: list[str], tmp_path: Path) -> None:
    path = tmp_path / "voc.pdparams"
    paddle.save(ann(21).state_dict(), str(path))
    model = ann(5, pretrained=str(path))
    assert any(
        "Loaded" in line and f"of {len(model.state_dict())} entries" in line for line in said
    )
    (text,) = [line for line in said if line.startswith("warning")]
    assert "another number of classes" in text and text.count("other shape") == 4
    assert "head.cls.weight" in text and "[21, 12, 1, 1]" in text and "[5, 12, 1, 1]" in text


def test_a_whole_load_drops_no_classifier() -> None:
    with pytest.raises(ValueError, match=r"other shape: 4\):\n  key .*\n  head.cls.weight"):
        load_all(ann(5), ann(21).state_dict(), "x.pdparams")


CHANGES = {
    "missing": lambda state: state.pop("head.context.0._conv.bias"),
    "other width": lambda state: state.update(
        {"backbone.conv1.weight": paddle.zeros([5, 3, 7, 7])}
    ),
    "text": lambda state: state.update({"head.cls.bias": "text"}),
    "integers": lambda state: state.update({"head.cls.bias": paddle.zeros([5], "int64")}),
    "no classifier": lambda state: [state.pop(key) for key in CLASSIFIER],
    "classifier and more": lambda state: state.update(
        {"head.cls.bias": paddle.zeros([9]), "head.fusion.stages.0.W.bias": paddle.zeros([2])}
    ),
    "two counts": lambda state: state.update(
        {"head.cls.bias": paddle.zeros([9]), "head.auxlayer.conv.bias": paddle.zeros([3])}
    ),
    "inputs of the classifier": lambda state: state.update(
        {"head.cls.weight": paddle.zeros([9, 2, 1, 1])}
    ),
    "inputs and outputs of the classifier": lambda state: state.update(
        {"head.cls.weight": paddle.zeros([9, 2, 1, 1]), "head.cls.bias": paddle.zeros([9])}
    ),
    "its bias alone": lambda state: state.update({"head.cls.bias": paddle.zeros([9])}),
    "a batch norm's width": lambda state: state.update(
        {"backbone.bn1.weight": paddle.zeros([9]), "backbone.bn1.bias": paddle.zeros([9])}
    ),
}


@pytest.mark.parametrize("load", [load_all, load_pretrained])
@pytest.mark.parametrize("name", CHANGES)
def test_anything_else_is_refused_and_the_model_stays(name: str, load) -> None:
    model, state = ann(), dict(ann().state_dict())
    CHANGES[name](state)
    before = arrays_of(model)
    with pytest.raises(ValueError, match=r"x.pdparams do not fit this ANN .*\n  key .*in the file"):
        load(model, state, "x.pdparams")
    for key, value in arrays_of(model).items():
        np.testing.assert_array_equal(value, before[key])


def test_other_widths_are_no_other_classes() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        load_pretrained(ann(5, inter_channels=12), ann(5, inter_channels=16).state_dict(), "x")


def test_the_new_number_must_be_the_models() -> None:
    class Net(nn.Layer):
        num_classes = 7

        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2D(3, 5, 1), nn.Conv2D(5, width, 1)

    load_pretrained(Net(7), Net(3).state_dict(), "x")
    with pytest.raises(ValueError, match="do not fit"):
        load_pretrained(Net(5), Net(3).state_dict(), "x")


def test_what_a_batch_norm_follows_is_no_classifier() -> None:
    before, after = (
        nn.Sequential(nn.Conv2D(3, width, 1), nn.BatchNorm2D(5), nn.Conv2D(5, 2, 1))
        for width in (7, 5)
    )
    with pytest.raises(ValueError, match="other shape: 2"):
        load_pretrained(after, before.state_dict(), "x.pdparams")


def test_an_imagenet_classifier_is_not_used_and_named(said: list[str], tmp_path: Path) -> None:
    path = tmp_path / "imagenet.pdparams"
    before = ResNet(**NARROW)
    more = {"fc.weight": paddle.zeros([44, 1000]), "fc.bias": paddle.zeros([1000])}
    paddle.save({**before.state_dict(), **more}, str(path))
    after = ResNet(**NARROW, pretrained=str(path))
    for key, value in arrays_of(after).items():
        np.testing.assert_array_equal(value, arrays_of(before)[key])
    assert any("without a place here" in line and "fc.weight  [44, 1000]" in line for line in said)
    assert not any(line.startswith("warning") for line in said)


def test_a_backbone_has_no_classifier() -> None:
    narrow = {**NARROW, "stage_channels": (3, 5, 7, 13)}
    with pytest.raises(ValueError, match="other shape"):
        load_pretrained(ResNet(**NARROW), ResNet(**narrow).state_dict(), "x.pdparams")


def test_the_wrong_kind_of_file_is_recognized() -> None:
    whole, backbone = ann(), ResNet(**NARROW)
    with pytest.raises(ValueError, match="a whole network: give it as model.pretrained"):
        load_pretrained(backbone, whole.state_dict(), "x")
    with pytest.raises(ValueError, match="a backbone alone: give it as model.backbone.pretrained"):
        load_pretrained(whole, backbone.state_dict(), "x")
    with pytest.raises(ValueError, match="tools/convert.py"):
        with lenient():  # nothing at all fits
            load_pretrained(whole, {"a.b": paddle.zeros([3])}, "x")


@pytest.mark.parametrize("load", [utils.load_entire_model, utils.load_pretrained_model])
def test_lenient_loads_what_fits_with_the_table(load, said, tmp_path, monkeypatch) -> None:
    state = dict(ann().state_dict())
    del state["head.context.0._conv.bias"]
    paddle.save(state, str(tmp_path / "x.pdparams"))
    model = ann()
    with pytest.raises(ValueError, match=r"(?s)missing: 1.*PADDLE_ANN_STRICT=0"):
        load(model, str(tmp_path / "x.pdparams"))
    with lenient(False), pytest.raises(ValueError, match="missing: 1"):
        load(model, str(tmp_path / "x.pdparams"))
    with lenient():
        load(model, str(tmp_path / "x.pdparams"))
    assert not is_lenient()
    monkeypatch.setenv("PADDLE_ANN_STRICT", "0")
    load(model, str(tmp_path / "x.pdparams"))
    warnings = [line for line in said if line.startswith("warning")]
    assert len(warnings) == 2 and all("head.context.0._conv.bias" in line for line in warnings)
    own = arrays_of(model)
    np.testing.assert_array_equal(own["head.cls.weight"], state["head.cls.weight"].numpy())


@pytest.mark.parametrize("kind", ["float16", "float64", "bfloat16"])
def test_other_floating_point_types_are_cast(kind: str) -> None:
    net, other = nn.Conv2D(3, 5, 1), nn.Conv2D(3, 5, 1)
    state = {key: value.astype(kind) for key, value in other.state_dict().items()}
    load_all(net, state, "x")
    assert net.weight.dtype == paddle.float32
    np.testing.assert_array_equal(net.weight.numpy(), state["weight"].astype("float32").numpy())


def test_no_file(tmp_path: Path) -> None:
    for load in (utils.load_entire_model, utils.load_pretrained_model):
        with pytest.raises(FileNotFoundError, match="gone.pdparams do not exist"):
            load(nn.Linear(3, 5), str(tmp_path / "gone.pdparams"))
