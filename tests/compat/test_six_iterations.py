"""Six iterations of train, evaluate and predict on a tiny Pascal VOC, with the fixes and
without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import paddle
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(tmp_path, *arguments, **env):
    return subprocess.run(
        [
            sys.executable,
            str(ROOT / "tests/compat/tiny.py"),
            str(tmp_path / "voc"),
            str(tmp_path / "out"),
            *arguments,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


@pytest.mark.parametrize(("workers", "fixes"), [("0", "all"), ("2", "all"), ("2", "minimal")])
def test_with_the_fixes(tmp_path, workers, fixes):
    """In our loop, and in PaddleSeg's own with the narrow fixes alone."""
    done = run(tmp_path, workers, PADDLE_ANN_COMPAT=fixes)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("mIoU {") == 3 and "pictures 5" in done.stdout
    assert (
        done.stdout.count("classes present") == 5
    )  # two validations while training, three after it
    out = tmp_path / "out"
    assert all((out / f"iter_{n}/model.pdopt").is_file() for n in (3, 6))
    assert (out / "best_model/model.pdparams").is_file() and list(out.glob("vdlrecords*"))


def test_without_the_fixes(tmp_path):
    done = run(tmp_path, PADDLE_ANN_COMPAT="off")
    documented = "Type promotion only" if paddle.__version__ >= "3" else "array is 0-dimensional"
    assert done.returncode != 0 and documented in done.stderr
