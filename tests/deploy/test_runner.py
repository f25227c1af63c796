"""The bundle's own runner: without Paddle, and wary of what it is given."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paddle_ann.deploy.preprocessing import compose
from paddle_ann.deploy.runner import Bundle
from paddle_ann.deploy.runner.description import read_sums
from paddle_ann.deploy.runner.files import write_png
from paddle_ann.deploy.runner.prepare import restore
from tests.deploy.conftest import DESCRIPTION, WEIGHT
from tests.deploy.toy import picture

RGB = picture(65, 97)


def expected_scores() -> np.ndarray:
    """Logits at the picture's size, by PaddleSeg's transforms and one product."""
    prepared = compose(DESCRIPTION["preprocessing"])(RGB)
    logits = np.einsum("oc,chw->ohw", WEIGHT[:, :, 0, 0], prepared)
    return restore(logits, [("resize", *RGB.shape[:2])])


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_predicts_at_the_size_of_the_picture(bundle, engine):
    pytest.importorskip(engine)
    opened = Bundle(bundle, engine)
    scores = expected_scores()
    ids = opened.predict(RGB)
    assert ids.shape == (65, 97) and ids.dtype == np.int32
    assert (ids == scores.argmax(0)).mean() > 0.999
    assert len(np.unique(ids)) > 1
    probabilities = opened.probabilities(RGB)
    assert np.abs(probabilities.sum(0) - 1).max() < 1e-5
    assert np.array_equal(probabilities.argmax(0), ids)
    assert opened.classes == tuple(DESCRIPTION["classes"])


def bare_python(tmp_path: Path) -> dict[str, str]:
    """An environment that has NumPy and ONNX Runtime and nothing else of this one."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("numpy", "numpy.libs", "onnxruntime"):
        source = Path(sys.modules["numpy"].__file__).parents[1] / name
        if source.exists():
            (packages / name).symlink_to(source)
    return {"PYTHONPATH": str(packages), "PATH": os.environ["PATH"]}


def run_bare(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python without site-packages."""
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        env=bare_python(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )


def test_runs_without_paddle(bundle, tmp_path):
    np.save(tmp_path / "picture.npy", RGB)
    before = {path: path.stat().st_mtime_ns for path in bundle.rglob("*")}
    done = run_bare(tmp_path, str(bundle / "run.py"), "picture.npy", "--output", "masks")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "masks/picture.npy.png") as mask:
        assert np.array_equal(np.asarray(mask), Bundle(bundle).predict(RGB))
        assert mask.getpalette()[:15] == sum(DESCRIPTION["palette"], [])
    assert {path: path.stat().st_mtime_ns for path in bundle.rglob("*")} == before


def test_there_is_no_paddle_in_that_environment(tmp_path):
    names = ("paddle", "paddleseg", "cv2", "PIL", "paddle_ann", "onnx")
    code = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    assert run_bare(tmp_path, "-c", code).stdout == "[]\n"


def spoil(bundle: Path, name: str, content: bytes, seal: bool = False) -> None:
    """Replaces a file; `seal` makes the checksum that of the new content."""
    (bundle / name).write_bytes(content)
    if seal:
        sums = (bundle / "SHA256SUMS").read_text().splitlines()
        digest = hashlib.sha256(content).hexdigest()
        lines = [f"{digest}  {name}" if line.endswith(f"  {name}") else line for line in sums]
        (bundle / "SHA256SUMS").write_text("\n".join(lines))


@pytest.mark.parametrize("name", ["model.onnx", "bundle.json", "SHA256SUMS"])
def test_cut_off_or_changed_files_are_refused(bundle, name):
    content = (bundle / name).read_bytes()
    for changed in (content[: len(content) // 2], b"", content[:-9] + b"?" + content[-8:]):
        spoil(bundle, name, changed)
        with pytest.raises(ValueError):
            Bundle(bundle)
    (bundle / name).unlink()
    with pytest.raises((FileNotFoundError, ImportError)):
        Bundle(bundle)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "paddle_ann bundle 99"},
        {"classes": []},
        {"classes": [1, 2, 3, 4, 5]},
        {"palette": [[0, 0, 256]] * 5},
        {"palette": [[0, 0, 0]] * 4},
        {"outputs": ["eval"]},
        {"outputs": [["argmax"]]},
        {"preprocessing": [{"type": "Resize", "target_size": [10**9, 10**9]}]},
        {"preprocessing": [{"type": "Compose"}]},
        {"preprocessing": "Normalize"},
    ],
    ids=str,
)
def test_a_description_that_lies_is_refused(bundle, change):
    spoil(bundle, "bundle.json", json.dumps({**DESCRIPTION, **change}).encode(), seal=True)
    with pytest.raises(ValueError):
        Bundle(bundle)


@pytest.mark.parametrize("content", [b"[" * 99999, b"[]", b"3", b"{}", b"\xff\xfe", b"null"])
def test_a_description_that_is_none_is_refused(bundle, content):
    spoil(bundle, "bundle.json", content, seal=True)
    with pytest.raises(ValueError, match="bundle.json"):
        Bundle(bundle)


def test_a_graph_that_is_none_is_refused(bundle):
    spoil(bundle, "model.onnx", b"\x08\x07no graph", seal=True)
    with pytest.raises(ValueError, match="onnxruntime cannot open the graph"):
        Bundle(bundle)


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "a/../../b", "a b", ".."])
def test_checksums_of_files_elsewhere_are_refused(bundle, name):
    with open(bundle / "SHA256SUMS", "a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    with pytest.raises(ValueError, match="is no checksum and name"):
        read_sums(bundle)


@pytest.mark.parametrize("rgb", [None, "a.png", RGB[0], RGB.astype(float), RGB[:0], RGB[..., :2]])
def test_what_is_no_picture_is_refused(bundle, rgb):
    with pytest.raises(ValueError, match="An image must"):
        Bundle(bundle).predict(rgb)


def test_class_numbers_alone_give_no_probabilities(bundle):
    description = {**DESCRIPTION, "outputs": ["argmax"]}
    spoil(bundle, "bundle.json", json.dumps(description).encode(), seal=True)
    opened = Bundle(bundle)
    assert opened.predict(RGB).shape == (65, 97)
    with pytest.raises(ValueError, match="Export it with the output"):
        opened.probabilities(RGB)


def test_the_command_overwrites_nothing_and_names_what_is_wrong(bundle, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    for place in (tmp_path, folder):
        Image.fromarray(RGB).save(place / "a.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")

    def run(*names: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(bundle / "run.py"), *names, "--output", "masks"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert run("a.png").returncode == 0
    for names, message in (
        (["a.png"], "a.png.png exists, and nothing is overwritten"),
        (["other/a.png", "a.png"], "two images would both be written"),
        (["broken.jpg"], "broken.jpg cannot be read as an image"),
        (["absent.png"], "absent.png"),
    ):
        (tmp_path / "masks/a.png.png").unlink(missing_ok=True) if len(names) > 1 else None
        done = run(*names)
        assert done.returncode == 2 and message in done.stderr, done.stderr


def test_png_has_its_palette(tmp_path):
    ids = np.arange(15).reshape(3, 5)
    write_png(tmp_path / "a.png", ids, np.arange(45, dtype=np.uint8).reshape(15, 3))
    with Image.open(tmp_path / "a.png") as file:
        assert np.array_equal(np.asarray(file), ids) and file.getpalette()[42:45] == [42, 43, 44]
    with pytest.raises(ValueError, match="256 classes"):
        write_png(tmp_path / "b.png", ids, np.zeros((257, 3), np.uint8))


SIGNALLED = """
import gc, os, signal, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from runner import Bundle
reading, writing = os.pipe()
os.set_blocking(writing, False)
signal.set_wakeup_fd(writing)
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
for _ in range(3):
    bundle = Bundle(sys.argv[1], "openvino")
    bundle.run(np.zeros((1, 3, 40, 40), np.float32), "argmax")
del bundle
gc.collect()
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_is_heard_after_openvino_was_closed(bundle):
    """OpenVINO frees the stack that Python's signal handlers run on together with its core."""
    pytest.importorskip("openvino")
    command = [sys.executable, "-c", SIGNALLED, str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
