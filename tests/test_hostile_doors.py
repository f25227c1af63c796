"""Hostile files through every door: nothing runs, memory stays bounded, each error is clear."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat.saved.write import write
from tests.hostile import CONTAINERS, FUNCTIONS, TRICKS, WRAPPERS, Run, formatted
from tests.weight_doors import DOORS, attempt

CLEAR = ("cannot be read as weights", "holds a", "holds no state dict", "not understood as")
NOT_CLEAR = ("MemoryError", "Traceback", "KeyError", "IndexError", "UnpicklingError")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "iter_1"
    write(folder)
    return folder


def files_of(folder: Path, proof: Path, whole: bool) -> list[Path]:
    """Write the corpus: functions, protocols and containers, in turn differently wrapped.

    The whole one has every combination; the small one every function, protocol and trick.
    """
    contents = {}
    wrappers = list(WRAPPERS.values())
    for number, (name, (function, *arguments)) in enumerate(FUNCTIONS.items()):
        if name == "getattr":
            continue  # among TRICKS
        trap = Run(function, *formatted(arguments, proof / name.replace(" ", "_")))
        for protocol in range(6) if whole else (number % 6,):
            data = pickle.dumps(wrappers[(number + protocol) % len(wrappers)](trap), protocol)
            for kind in CONTAINERS if whole else list(CONTAINERS)[number % 5 :: 5]:
                contents[f"{name} {protocol} {kind}"] = CONTAINERS[kind](data)
    for name, data in TRICKS.items():
        for kind in ("pickle", "torch zip", "torch legacy") if whole else ("pickle",):
            contents[f"{name} {kind}"] = CONTAINERS[kind](data)
    for name, data in contents.items():
        (folder / name.replace("/", "_")).write_bytes(data)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_nothing_runs_through_any_door(good: Path, tmp_path: Path, whole: bool) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "proof").mkdir()
    files = files_of(tmp_path / "files", tmp_path / "proof", whole)
    result = subprocess.run(
        [sys.executable, "-m", "tests.weight_doors", str(good)],
        input="\n".join(map(str, files)),
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert lines.pop() == {"events": []}
    assert len(lines) == len(files) * len(DOORS) > (5000 if whole else 700)
    for line in lines:
        assert line["kind"] == "ValueError", line
        assert any(words in line["text"] for words in CLEAR), line
        assert not any(words in line["text"] for words in NOT_CLEAR), line
        assert "model.pd" in line["text"] or "model.pth" in line["text"], line
        assert len(line["text"]) < 1000, line
    assert not list((tmp_path / "proof").iterdir())


@pytest.mark.parametrize("door", DOORS)
def test_cut_off_at_every_percent(good: Path, tmp_path: Path, door: str) -> None:
    folder = tmp_path / "iter_2"
    write(folder)
    content = (good / "model.pdparams").read_bytes()
    (folder / "good.pdparams").write_bytes(content)
    if door == "resume, optimizer":
        content = (good / "model.pdopt").read_bytes()
    for percent in range(100):
        (folder / "model.pdparams").write_bytes(content[: len(content) * percent // 100])
        kind, text = attempt(door, folder / "model.pdparams")
        assert kind == "ValueError" and any(words in text for words in CLEAR), (percent, text)


def test_the_traps_are_real(tmp_path: Path) -> None:
    """Paddle's own loading, which stays as it is, runs them."""
    import paddle

    function, *arguments = FUNCTIONS["system"]
    trap = Run(function, *formatted(arguments, tmp_path / "proof"))
    (tmp_path / "x.pdparams").write_bytes(pickle.dumps({"a": trap}))
    paddle.load(str(tmp_path / "x.pdparams"))
    assert (tmp_path / "proof").exists()
