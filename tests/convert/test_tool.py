"""tools/convert.py, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from paddle_ann.convert import read_state

ROOT = Path(__file__).resolve().parents[2]
HEAD = ROOT / "tests" / "data" / "peers" / "mmseg_head" / "weights.pth"


def convert(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "convert.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
def test_there_and_back(tmp_path):
    there, back = tmp_path / "head.pdparams", tmp_path / "head.safetensors"
    result = convert("--source", "mmseg", "--input", HEAD, "--output", there)
    assert result.returncode == 0, result.stderr
    assert "mmseg -> ANNHead: 45 tensors converted" in result.stdout
    shown = yaml.safe_load(result.stdout.partition("the model is")[2])
    assert shown["model"]["type"] == "ANNHead" and shown["model"]["num_classes"] == 7
    result = convert("--to", "mmseg", "--input", there, "--output", back)
    assert result.returncode == 0, result.stderr
    before, after = read_state(HEAD), read_state(back)
    for key, array in before.items():  # ours has an auxiliary head, too
        found = after[f"decode_head.{key}"]
        assert key.endswith("num_batches_tracked") or np.array_equal(found, array), key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "authors", "--output", "a.npz"], "not understood as 'authors'"),
        (["--output", "a.npz"], "Give --source (from PyTorch) or --to"),
    ],
)
def test_errors_are_a_line_or_a_table_and_code_2(tmp_path, arguments, message):
    at = arguments.index("--output") + 1
    arguments[at] = str(tmp_path / arguments[at])
    result = convert("--input", HEAD, *arguments)
    assert result.returncode == 2 and message in result.stderr
    lines = result.stderr.strip().splitlines()
    if "--source" in arguments:
        assert lines[1].split() == "key in the file in the model what is wrong".split()
        assert lines.pop().startswith("They fit source mmseg.")
        assert all(line.startswith("  ") for line in lines[1:])
    else:
        assert len(lines) == 1
    assert not list(tmp_path.iterdir())
