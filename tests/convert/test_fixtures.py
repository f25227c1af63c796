"""Heads and blocks converted from files of the real peers give the peers' outputs."""

from pathlib import Path

import numpy as np
import paddle
import pytest

from paddle_ann.convert import from_torch, read_state, to_torch

PEERS = Path(__file__).resolve().parents[1] / "data" / "peers"
CASES = {
    "mmseg_head": ("mmseg", "ANNHead"),
    "orig_afnb": ("authors", "AFNB"),
    "orig_apnb": ("authors", "APNB"),
    "seed_afnp": ("tutorial", "ContextAttention"),
    "seed_apnb": ("tutorial", "ContextAttention"),
}


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_the_peers(name):
    source, kind = CASES[name]
    layer, report = from_torch(PEERS / name / "weights.pth", source)
    assert type(layer).__name__ == report.config["type"] == kind
    assert not layer.training
    stored = np.load(PEERS / name / "io.npz")
    for case in sorted({key.split("/")[0] for key in stored.files}):
        inputs = [
            paddle.to_tensor(stored[f"{case}/in_{name}"])
            for name in ("low", "high", "x")
            if f"{case}/in_{name}" in stored.files
        ]
        (out,) = layer(inputs) if kind == "ANNHead" else [layer(*inputs)]
        assert np.abs(out.numpy() - stored[f"{case}/out"]).max() < 1e-5, case


@pytest.mark.parametrize("name", CASES)
def test_back_to_the_peer_bit_by_bit(name):
    source, _ = CASES[name]
    path = PEERS / name / "weights.pth"
    layer, report = from_torch(path, source)
    before, after = read_state(path), to_torch(layer, source)
    assert before.keys() == after.keys() == report.renamed.keys() | report.dropped.keys()
    for key, array in before.items():
        if not key.endswith("num_batches_tracked"):
            assert np.array_equal(array, after[key]), key


def test_every_key_is_accounted_for():
    _, report = from_torch(PEERS / "mmseg_head" / "weights.pth", "mmseg")
    assert report.renamed["conv_seg.weight"] == "cls.weight"
    assert set(report.dropped) == {k for k in report.dropped if k.endswith("num_batches_tracked")}
    assert "fusion.conv_bn._conv.bias" in report.zeroed
    assert all(name.startswith("auxlayer.") for name in report.initial) and report.initial
    assert "7 left out: Paddle's batch norm" in str(report)


def test_widths_are_read_off_and_pool_sizes_can_be_given():
    layer, report = from_torch(PEERS / "orig_afnb" / "weights.pth", "authors", pool_sizes=(1, 2))
    assert report.config["key_channels"] == 16 and report.config["value_channels"] == 20
    assert layer.stages[0].sampling.pool_sizes == (1, 2)


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (
            "authors",
            {},
            ValueError,
            r"(?s)weights.pth: .* not understood .*They fit source mmseg",
        ),
        ("mmdet", {}, ValueError, "source must be one of mmseg, .* received 'mmdet'"),
        ("mmseg", {"colour": 1}, TypeError, "ANNHead has no argument 'colour'.*psp_size"),
        ("mmseg", {"num_classes": 9}, ValueError, r"cls.weight +\[7, 24, 1, 1\] +\[9"),
    ],
)
def test_what_does_not_fit_is_refused(source, options, error, message):
    with pytest.raises(error, match=message):
        from_torch(PEERS / "mmseg_head" / "weights.pth", source, **options)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.pth does not exist"):
        from_torch(tmp_path / "none.pth")
