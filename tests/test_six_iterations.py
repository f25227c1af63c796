"""The shortest whole run, on whatever Paddle is installed: what the matrix asks of a GPU wheel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
(CONFIG,) = (ROOT / "configs" / "ann").glob("ann_resnet18_os8_toyvoc_*.yml")


def run(*arguments: object, cwd: Path) -> str:
    """Runs this Python on the arguments and returns what it printed."""
    result = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with generated data and six iterations, and what training printed."""
    folder = tmp_path_factory.mktemp("six")
    run(ROOT / "tools/make_toy_data.py", "--num_train", 12, "--num_val", 3, cwd=folder)
    log = run(
        *(ROOT / "tools/train.py", "--config", CONFIG, "--iters", 6, "--batch_size", 2),
        *("--save_interval", 6, "--log_iters", 1, "--save_dir", "out", "--use_vdl"),
        cwd=folder,
    )
    return folder, log


def test_six_iterations_are_logged_with_a_finite_loss(trained: tuple[Path, str]) -> None:
    lines = [line for line in trained[1].splitlines() if "[TRAIN]" in line]
    assert len(lines) == 6, trained[1]
    losses = [float(line.split(" loss: ")[1].split(",")[0]) for line in lines]
    assert all(0 < loss < 100 for loss in losses), losses


def test_checkpoint_and_visualdl_log_are_there(trained: tuple[Path, str]) -> None:
    out = trained[0] / "out"
    assert (out / "iter_6" / "model.pdparams").stat().st_size > 1_000_000
    assert (out / "iter_6" / "model.pdopt").exists()
    assert list(out.rglob("vdlrecords.*"))


def test_a_gpu_build_without_a_gpu_falls_back_to_the_cpu() -> None:
    code = """
import paddle_ann, paddle
if not paddle.is_compiled_with_cuda():
    print("a CPU build")
elif paddle.device.cuda.device_count():
    print("a GPU")
else:
    print((paddle.ones([2, 3]) @ paddle.ones([3, 5])).place, paddle.get_device())
"""
    output = run("-W", "ignore", "-c", code, cwd=ROOT)
    if "a CPU build" in output or "a GPU" in output:
        pytest.skip(output.strip().splitlines()[-1] + " is here")
    assert "Place(cpu) cpu" in output
