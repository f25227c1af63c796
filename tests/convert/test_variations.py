"""Converters on files of the fixtures' kind that were not there when they were written.

Narrow networks of many widths, depths and class counts, written as each peer would write them
(`to_torch`), changed as files in the wild are, and read again. No torch is needed.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import paddle
import pytest

from paddle_ann.backbones import ResNet
from paddle_ann.convert import from_state, from_torch, read_state, save_state, to_torch
from paddle_ann.models import ANN, ANNNet
from paddle_ann.models.annnet import ContextAttention
from paddle_ann.nn import AFNB, APNB
from tests.helpers import in_mode, randomize

STEMS = {"7x7": (3,), "deep": (2, 3, 5)}


def network(kind: type, stem: str, bottleneck: bool, seed: int, **options) -> paddle.nn.Layer:
    """A narrow network whose every width is drawn by the seed."""
    generator = np.random.RandomState(seed)
    draw = lambda low, high: int(generator.randint(low, high))  # noqa: E731
    backbone = ResNet(
        blocks=tuple(draw(1, 4) for _ in range(4)),
        bottleneck=bottleneck,
        stem_channels=STEMS[stem],
        stage_channels=tuple(draw(2, 9) for _ in range(4)),
        **({"expansion": draw(1, 5)} if bottleneck else {}),
        **options.pop("of_backbone", {}),
    )
    key, value = draw(1, 9), draw(1, 9)
    if kind is ANNNet:
        options.update(key_channels=key, value_channels=value)
    else:
        options.update(key_value_channels=key)
        if options.pop("different", True):
            options.update(value_channels=value)
    model = kind(draw(2, 40), backbone, inter_channels=draw(2, 30), **options)
    paddle.seed(seed)
    return in_mode(randomize(model), False)


# What each source's tensors cannot tell, and its network is built with.
GIVEN = {
    "mmseg": {"of_backbone": {"dilation_scheme": "contracted", "dilate_second": False}},
    "authors": {
        "of_backbone": {"dilation_scheme": "contracted", "ceil_pool": True},
        "align_corners": True,
    },
    "tutorial": {"of_backbone": {"dilation_scheme": "tutorial"}, "align_corners": True},
}


def make(source: str, seed: int, stem: str = "7x7", bottleneck: bool = True, **more):
    given = {name: dict(v) if isinstance(v, dict) else v for name, v in GIVEN[source].items()}
    given["of_backbone"]["output_stride"] = 8
    kind = ANNNet if source == "tutorial" else ANN
    if source == "mmseg":
        more.setdefault("different", False)  # it has one number for both
    return network(kind, stem, bottleneck, seed, **given, **more)


CASES = [
    (source, stem, bottleneck)
    for source in GIVEN
    for stem in STEMS
    for bottleneck in (True, False)
    if source != "tutorial" or stem == "7x7"
]


def logits(model: paddle.nn.Layer) -> np.ndarray:
    paddle.seed(3)
    return model(paddle.randn([2, 3, 41, 53]))[0].numpy()


def assert_same(found: paddle.nn.Layer, model: paddle.nn.Layer) -> None:
    expected, out = logits(model), logits(found)
    assert np.abs(out - expected).max() < 1e-5 * max(1.0, float(np.abs(expected).max()))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("source", "stem", "bottleneck"), CASES)
def test_any_width_and_depth(source: str, stem: str, bottleneck: bool, seed: int) -> None:
    model = make(source, seed, stem, bottleneck)
    state = to_torch(model, source)
    found, report = from_state(state, source)
    assert set(report.renamed) | set(report.dropped) == set(state)
    assert_same(found, model)


def half(state):
    return {k: v.astype(np.float16) if v.dtype == np.float32 else v for k, v in state.items()}


DISGUISES = {
    "DataParallel": lambda state: {f"module.{k}": v for k, v in state.items()},
    "compiled, DataParallel": lambda state: {f"_orig_mod.module.{k}": v for k, v in state.items()},
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state, "optimizer": {"lr": 0.1}},
    "both": lambda state: {"meta": {}, "state_dict": {f"module.{k}": v for k, v in state.items()}},
    "half precision": half,
    "double precision": lambda state: {
        k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in state.items()
    },
    "no counters": lambda state: {k: v for k, v in state.items() if "num_batches" not in k},
    "counters of another type": lambda state: {
        k: np.asarray([7], np.int32) if "num_batches" in k else v for k, v in state.items()
    },
    "another order": lambda state: {k: state[k] for k in sorted(state, reverse=True)},
    "Fortran's order": lambda state: {k: np.asfortranarray(v) for k, v in state.items()},
    "big endian": lambda state: {k: v.astype(v.dtype.newbyteorder(">")) for k, v in state.items()},
}


@pytest.mark.parametrize("source", GIVEN)
@pytest.mark.parametrize("disguise", DISGUISES)
def test_as_files_in_the_wild_have_them(tmp_path: Path, source: str, disguise: str) -> None:
    model = make(source, 5)
    content = DISGUISES[disguise](to_torch(model, source))
    (tmp_path / "net.pth").write_bytes(pickle.dumps(content, 2))
    found, _ = from_torch(tmp_path / "net.pth", source)
    if disguise == "half precision":
        rounded, _ = from_state(half(to_torch(model, source)), source)
        assert_same(found, rounded)
    else:
        assert_same(found, model)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pdparams"])
@pytest.mark.parametrize("source", GIVEN)
def test_in_every_format(tmp_path: Path, source: str, suffix: str) -> None:
    model = make(source, 7)
    save_state(to_torch(model, source), tmp_path / f"net{suffix}")
    found, _ = from_torch(tmp_path / f"net{suffix}", source)
    assert_same(found, model)


@pytest.mark.parametrize("source", ["mmseg", "authors"])
def test_without_the_auxiliary_head(source: str) -> None:
    model = make(source, 11, enable_auxiliary_loss=False)
    state = {k: v for k, v in to_torch(model, source).items() if not k.startswith(("aux", "dsn"))}
    found, report = from_state(state, source)
    assert not found.head.enable_auxiliary_loss
    assert all(name.startswith("head.auxlayer.") for name in report.initial)
    assert_same(found, model)


@pytest.mark.parametrize("sizes", [(1,), (2, 5), (1, 2, 3, 6), (4, 7, 11)])
@pytest.mark.parametrize("source", GIVEN)
def test_other_pool_sizes_are_given(source: str, sizes: tuple[int, ...]) -> None:
    model = make(source, 13, psp_size=sizes)
    found, report = from_state(to_torch(model, source), source, psp_size=sizes)
    assert_same(found, model)
    assert tuple(report.config["psp_size"]) == sizes


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_other_output_strides_are_given(stride: int) -> None:
    given = {"dilation_scheme": "contracted", "dilate_second": False, "output_stride": stride}
    model = network(ANN, "deep", True, 17, of_backbone=given, different=False)
    found, _ = from_state(to_torch(model, "mmseg"), "mmseg", output_stride=stride)
    assert_same(found, model)


@pytest.mark.parametrize("name", ["psp_size", "pool_sizes"])
@pytest.mark.parametrize("sizes", [(1, 2), (1, 3, 6, 8)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_blocks_of_any_width(seed: int, sizes: tuple[int, ...], name: str) -> None:
    generator = np.random.RandomState(seed)
    low, high, out, key, value = (int(width) for width in generator.randint(1, 13, 5))
    paddle.seed(seed)
    x, y = paddle.randn([2, low, 9, 11]), paddle.randn([2, high, 5, 7])
    blocks = {
        ("authors", "afnb"): AFNB(low, high, out, key, value, pool_sizes=sizes),
        ("authors", "apnb"): APNB(low, out, key, value, pool_sizes=sizes),
        ("mmseg", "afnb"): AFNB(low, high, out, key, key, pool_sizes=sizes),
        ("mmseg", "apnb"): APNB(low, out, key, key, pool_sizes=sizes),
        ("tutorial", "afnb"): ContextAttention(low, high, out, key, value, pool_sizes=sizes),
        ("tutorial", "apnb"): ContextAttention(low, None, out, key, value, pool_sizes=sizes),
    }
    for (source, part), block in blocks.items():
        randomize(block).eval()
        found, report = from_state(to_torch(block, source, part), source, **{name: sizes})
        assert report.part == part
        given = (x, y) if part == "afnb" else (x,)
        assert float((found(*given) - block(*given)).abs().max()) < 1e-5, (source, part)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("source", "stem"),
    [("torchvision", "7x7"), ("torchvision", "deep"), ("timm", "7x7"), ("timm", "deep")],
)
def test_backbones_of_any_width(source: str, stem: str, seed: int) -> None:
    given = {"output_stride": 32, "pool_shortcut": source == "timm" and stem == "deep"}
    backbone = network(ANN, stem, bool(seed % 2), seed, of_backbone=given).backbone
    state = to_torch(backbone, source)
    more = {"fc.weight": np.zeros((10, 7), np.float32), "fc.bias": np.zeros(10, np.float32)}
    found, report = from_state({**state, **more}, source)
    assert "fc.weight" in report.dropped and isinstance(found, ResNet)
    x = paddle.randn([2, 3, 65, 97])
    for a, b in zip(found(x), backbone(x)):
        assert float((a - b).abs().max()) < 1e-5 * max(1.0, float(b.abs().max()))


def test_the_yaml_of_the_report_builds_the_model() -> None:
    from paddleseg.cvlibs import SegBuilder

    for source in GIVEN:
        model = make(source, 19)
        found, report = from_state(to_torch(model, source), source)
        again = in_mode(SegBuilder(None).build_component(report.yaml()), False)
        again.set_state_dict(found.state_dict())
        assert_same(again, model)


@pytest.mark.parametrize("name", ["mmseg_head", "orig_afnb", "orig_apnb", "seed_afnp", "seed_apnb"])
def test_the_fixtures_in_disguise(tmp_path: Path, name: str) -> None:
    """`weights.npz` and `weights.pth` of a fixture are the same, also with another compression."""
    folder = Path(__file__).resolve().parents[1] / "data" / "peers" / name
    state = read_state(folder / "weights.pth")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{f"module.{key}": array for key, array in state.items()})
    (tmp_path / "net.npz").write_bytes(buffer.getvalue())
    assert zipfile.is_zipfile(tmp_path / "net.npz")
    source = {"mmseg": "mmseg", "orig": "authors", "seed": "tutorial"}[name.partition("_")[0]]
    first, _ = from_torch(folder / "weights.pth", source)
    second, _ = from_torch(tmp_path / "net.npz", source)
    for key, tensor in first.state_dict().items():
        if "auxlayer" not in key:
            assert (second.state_dict()[key] == tensor).all(), key
