"""The profile: kinds by kernel name, shares that add up, the command with tiny sizes."""

import subprocess
import sys
from pathlib import Path

import pytest

from paddle_ann.benchmark import shares

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        ("conv2d", "convolution"),
        ("conv2d_grad", "convolution"),
        ("matmul", "matrix products"),
        ("unfold", "fold and unfold"),
        ("bilinear_interp_grad", "resizing"),
        ("add_raw", "ReLU, additions, masks"),
        ("argmax", "argmax, counting"),
        ("argsort", shares.OTHER),
    ],
)
def test_kinds(kernel, kind):
    assert shares.kind(kernel) == kind


def test_kinds_add_up_to_the_whole():
    kinds = shares.by_kind(2.0, {"conv2d": 1.0, "conv2d_grad": 0.25, "matmul": 0.5})
    assert kinds == {"convolution": 1.25, "matrix products": 0.5, shares.OUTSIDE: 0.25}
    table = shares.table({"step": kinds, "evaluate()": {"convolution": 3.0, shares.OUTSIDE: 1.0}})
    assert table.splitlines()[0] == "| | step: 2.00 s | evaluate(): 4.00 s |"
    assert "| convolution | 62.5% | 75.0% |" in table
    assert "| matrix products | 25.0% | 0.0% |" in table


@pytest.mark.slow
def test_the_command_profiles_all_three_jobs(tmp_path):
    """In an empty folder, which stays empty: the profiler leaves a log where it is let."""
    command = [sys.executable, str(ROOT / "tools/profile_step.py"), "--quick", "--threads=1"]
    done = subprocess.run(
        [*command, "--backbone=ResNet18_vd", "--kernels=3"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for job in ("training step, batch 2", "evaluate(), 4 images", "predict(), 4 images"):
        assert job in done.stdout
    convolution = next(line for line in done.stdout.splitlines() if "| convolution |" in line)
    assert "| 0.0% |" not in convolution
    assert not list(tmp_path.iterdir())
