"""tools/check_data.py as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.datasets.audit import tree
from tests.tools.conftest import CONFIG, ROOT, SMALL, Refusal, call

TOOL = str(ROOT / "tools/check_data.py")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tree.make(tmp_path / "data")


@pytest.fixture
def run(tmp_path: Path):
    """Runs the command where importing Paddle, PaddleSeg or OpenCV ends the process."""
    poison = tmp_path / "poison"
    poison.mkdir()
    for name in ("paddle", "paddleseg", "cv2"):
        (poison / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')\n")
    environment = {**os.environ, "PYTHONPATH": str(poison), "PYTHONIOENCODING": "utf-8"}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, TOOL, *args]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=300
        )

    return run


def listed(data: Path, num_classes: int = 3) -> list[str]:
    lists = ["--list", str(data / "train.txt"), "--val_list", str(data / "val.txt")]
    return [*lists, "--root", str(data), "--num_classes", str(num_classes)]


def test_clean_list_without_paddle(run, data):
    before = tree.content(data)
    result = run(*listed(data))
    assert (result.returncode, result.stderr) == (0, "")
    assert "Clean: nothing in 10 pairs" in result.stdout and "images/min" in result.stdout
    assert "type: CrossEntropyLoss" in result.stdout
    assert tree.content(data) == before


def test_findings_json_html_and_mend(run, tmp_path):
    data = tree.make(tmp_path / "my data", ids=(0, 255))
    before = tree.content(data)
    args = listed(data, 2)
    result = run(*args, "--json", "r.json", "--html", "out/r.html", "--mend", "copy")
    assert result.returncode == 1 and result.stderr == ""
    assert "object-is-255 (would spoil training or its evaluation)" in result.stdout
    assert "255 -> 1" in result.stdout and "Mended copy: 10 pairs" in result.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["exit_code"] == 1 and report["mapping"]["values"] == {"255": 1}
    assert (tmp_path / "out/r.html").read_text().startswith("<!DOCTYPE html>")
    assert tree.content(data) == before
    # The commands it prints are the commands that work.
    import shlex

    lines = result.stdout.splitlines()
    printed = next(line for line in lines if line.startswith("Check it: "))
    again = run(*shlex.split(printed)[4:])
    assert again.returncode == 0, again.stdout
    mend = next(line.strip() for line in lines if "--mend NEW_FOLDER" in line)
    assert run(*shlex.split(mend)[2:]).returncode == 1
    assert (tmp_path / "NEW_FOLDER/train.txt").is_file()
    # A report of its own is replaced, and a mapping is read from it.
    assert run(*args, "--json", "r.json", "--mapping", "r.json", "--mend", "third").returncode == 1


def test_folders(run, tmp_path, data):
    for kind, ending in (("i", "jpg"), ("m", "png")):
        (tmp_path / kind).mkdir()
        for i in range(4):
            (data / f"{i}.{ending}").rename(tmp_path / kind / f"{i}.{ending}")
    args = ["--images", "i", "--masks", "m", "--num_classes", "3", "--num_workers", "0"]
    assert run(*args).returncode == 0
    (tmp_path / "m/2.png").unlink()
    result = run(*args)
    assert result.returncode == 1 and "[train] i/2.jpg: image without mask" in result.stdout


def test_benchmark(run):
    result = run("--benchmark", "20", "--num_workers", "1")
    assert result.returncode == 0
    assert "20 pairs of a 500x375 JPEG" in result.stdout and "findings: none" in result.stdout


def test_config(tmp_path):
    from paddle_ann.datasets import toy_voc

    root = toy_voc.generate(tmp_path / "toy", num_train=7, num_val=3, size=(41, 53))
    opts = [f"{section}_dataset.dataset_root={root}" for section in ("train", "val")]
    command = ["--config", str(CONFIG), "--opts", *SMALL, *opts]
    next(root.rglob("JPEGImages/*.jpg")).write_bytes(b"")
    result = call("check_data", *command, cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert "10 pairs (train 7, val 3)" in result.stdout
    assert "empty (would break training)" in result.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "Give one of --config, --list"),
        (["--list", "a", "--images", "b"], "--list and --images was given"),
        (["--images", "i", "--num_classes", "2"], "--images needs --masks"),
        (["--list", "a"], "--num_classes is missing"),
        (["--list", "a", "--masks", "m", "--num_classes", "2"], "--masks goes with --images"),
        (["--list", "gone.txt", "--num_classes", "2"], "gone.txt does not exist"),
        (["--config", "gone.yml"], "gone.yml does not exist"),
        (["--config", "a.yml", "--num_classes", "2"], "come from the YAML"),
        (["--images", "i", "--masks", "m", "--num_classes", "70000"], "num_classes"),
        (["--mapping", "gone.json"], "gone.json does not exist"),
        (["--mend", "data"], "not empty"),
        (["--html", "data/0.png"], "was not made by this command"),
        (["--json", "data"], "is a folder"),
    ],
)
def test_users_errors(refused: Refusal, data: Path, args: list[str], words: str) -> None:
    (data.parent / "i").mkdir()
    (data.parent / "m").mkdir()
    for folder in ("i", "m"):
        Image.fromarray(np.zeros((3, 5), np.uint8)).save(data.parent / folder / "a.png")
    alone = args and args[0] in ("--mapping", "--mend", "--html", "--json")
    before = tree.content(data)
    assert words in refused("check_data", *(listed(data) if alone else []), *args)
    assert tree.content(data) == before


def test_interrupted(tmp_path):
    command = [sys.executable, TOOL, "--benchmark", "100000", "--num_workers", "2"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*/9*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to all processes at once
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and error.strip() == "check_data.py: interrupted"
    assert list(tmp_path.iterdir()) == []
