"""tools/infer.py: what it writes and prints, and its exit codes."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_ann.deploy import Predictor
from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.deploy.toy import picture
from tests.tools.conftest import ROOT, Refusal, load_tool


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bundle; beside it are a picture, its namesake and a folder with one more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    Path("in/b c").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "a.bmp", "b c/图.png")):
        Image.fromarray(picture(29, 41, seed)).save(Path("in", name))
    return str(make_bundle(Path("model"), DESCRIPTION))


def run(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    monkeypatch.setattr(sys, "argv", ["infer.py", "--model", "model", *args])
    return load_tool("infer").main()


def written() -> list[str]:
    return sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.*"))


def test_a_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str):
    assert run(monkeypatch, "in", "--save_dir", "out", "--batch_size", "2") == 0
    names = ("a.bmp.png", "a.png.png", "b c/图.png.png")
    kinds = ("ids", "overlay")
    assert written() == sorted([*(f"{k}/{n}" for k in kinds for n in names), "legend.png"])
    with Image.open("out/ids/b c/图.png.png") as mask:
        assert np.array_equal(mask, Predictor(model)("in/b c/图.png").ids)
    assert capsys.readouterr().out == (
        "3 images, 0 videos, onnxruntime\n3 images -> out: ids overlay\n"
    )


def test_a_bad_image_makes_the_exit_code_1_and_strict_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str
):
    Path("in/a.bmp").write_bytes(b"no picture")
    assert run(monkeypatch, "in", "--save_dir", "out", "--outputs", "entropy") == 1
    said = capsys.readouterr()
    assert "2 images -> out" in said.out and "no result: in/a.bmp cannot be read" in said.err
    assert written() == ["entropy/a.png.png", "entropy/b c/图.png.png", "legend.png"]
    assert run(monkeypatch, "in", "--save_dir", "new", "--strict") == 2
    assert "in/a.bmp cannot be read" in capsys.readouterr().err


def test_twice_overwrites_nothing_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str
):
    for _ in range(2):  # its own results are no input
        assert run(monkeypatch, "in", "--save_dir", "in", "--overwrite") == 0
        assert capsys.readouterr().out.startswith("3 images")
    before = Path("in/ids/a.png.png").stat().st_mtime_ns
    assert run(monkeypatch, "in/a.png", "--save_dir", "in") == 1
    assert "nothing is overwritten" in capsys.readouterr().err
    assert Path("in/ids/a.png.png").stat().st_mtime_ns == before


def test_videos(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str):
    writer = cv2.VideoWriter("a.avi", cv2.VideoWriter_fourcc(*"MJPG"), 7, (62, 46))
    for seed in range(3):
        writer.write(picture(46, 62, seed))
    writer.release()
    Path("b.mp4").write_bytes(b"no video")
    assert run(monkeypatch, "a.avi", "b.mp4", "in/a.png", "--save_dir", "out") == 1
    said = capsys.readouterr()
    assert "a.avi: 3 frames -> out/overlay/a.avi.mp4" in said.out
    assert "no result: b.mp4 cannot be read as a video" in said.err
    assert {"overlay/a.avi.mp4", "overlay/a.png.png"} <= set(written())
    assert run(monkeypatch, "b.mp4", "--save_dir", "out", "--strict") == 2
    assert run(monkeypatch, "a.avi", "in/a.avi", "--save_dir", "out", "--overwrite") == 2
    assert "both be called a.avi" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args, message",
    [
        (("absent.png",), "absent.png does not exist"),
        (("in", "--model", "absent"), "absent/SHA256SUMS is missing"),
        (("in", "--engine", "torch"), "engine must be auto or one of"),
        (("in", "--outputs", "masks"), "outputs must be of ids"),
        (("in", "--tile", "17"), "exported with Resize"),
        (("in", "--scales", "0"), "scales must be"),
        (("in", "--save_dir", "in/a.png"), "is a file"),
    ],
)
def test_what_cannot_be_used_is_refused(refused: Refusal, model: str, args, message):
    assert message in refused("infer", "--model", "model", *args)
    assert not Path("output").exists()
