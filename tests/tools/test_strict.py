"""Weights that do not fit, on the command line: a table, --no_strict, and --pretrained."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.models.backbones import ResNet18_vd

from paddle_ann import session
from paddle_ann.models import ANN
from tests.tools.conftest import Refusal, call, load_tool, options


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the toy configuration's network, for seven classes."""
    model = ANN(
        7, ResNet18_vd(output_stride=8), inter_channels=16, key_value_channels=8, psp_size=[1, 3]
    )
    path = tmp_path_factory.mktemp("seven") / "model.pdparams"
    paddle.save(model.state_dict(), str(path))
    return path


def test_the_error_is_a_table(refused: Refusal, data: Path, seven: Path) -> None:
    lines = refused("val", *options(data), "--model_path", str(seven)).splitlines()
    assert "do not fit this ANN" in lines[0] and "(other shape: 4)" in lines[0]
    assert lines[1].split()[0] == "key" and lines[1].endswith("what is wrong")
    assert lines[2].split()[:2] == ["head.cls.weight", "[7,"]
    assert len(lines) == 7 and "--no_strict" in lines[6] and "(--debug shows where)" in lines[6]


def start(tool: str, *args: str) -> paddle.nn.Layer:
    parsed: Namespace = load_tool(tool).parser().parse_args(args)
    return session.start(parsed, own_weights=parsed.resume_model).model


def test_pretrained_starts_from_all_but_the_classifier(
    data: Path, seven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "tools"))
    source = paddle.load(str(seven))
    for more in ([], ["--resume", "auto"]):  # where there is nothing yet to resume
        args = [*options(data), "--pretrained", str(seven), *more]
        for name, value in start("train", *args).state_dict().items():
            if "cls" in name or "auxlayer.conv." in name:
                assert value.shape[0] == 21
            else:
                np.testing.assert_array_equal(value.numpy(), source[name].numpy())
    with pytest.raises(FileNotFoundError, match="--pretrained gone.pdparams: .* does not exist"):
        start("train", *options(data), "--pretrained", "gone.pdparams")


@pytest.mark.slow
def test_as_a_user(pictures: Path, seven: Path, tmp_path: Path) -> None:
    done = call(
        "train", *options(pictures), "--iters", "1", "--pretrained", str(seven), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout + done.stderr
    assert "another number of classes" in said and "head.auxlayer.conv.bias" in said
    weights = ("--model_path", str(seven))
    done = call("val", *options(pictures), *weights, "--no_strict", cwd=tmp_path)
    assert done.returncode == 0 and "other shape" in done.stdout + done.stderr
    image = ("--image_path", str(min(pictures.rglob("*.jpg"))))
    assert call("predict", *options(pictures), *weights, *image, cwd=tmp_path).returncode == 2
    done = call("predict", *options(pictures), *weights, *image, "--no_strict", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "output/result").is_dir()
