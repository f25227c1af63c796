"""Paddle's graph to ONNX by paddle2onnx, in a process of its own.

paddle2onnx ends the process that it runs in when it meets what it does not know, and by its
default settings runs `pip install`, which has broken environments. Here it can do neither to the
caller: the child may die, its optimiser is not used, and pip is cut off from any index.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import paddle

from paddle_ann.deploy.runner.engines import ONNX, PARAMETERS, PROGRAMS

SCRIPT = Path(__file__).with_name("to_onnx.py")
MINUTES = 30


def check_opset(opset: int) -> None:
    """Raise unless the graph can be written in this version of ONNX's operators."""
    if isinstance(opset, bool) or not isinstance(opset, int):
        raise TypeError(f"opset must be an integer; received {opset!r}.")
    if not 13 <= opset <= 19:
        raise ValueError(
            f"opset must be from 13 to 19, which paddle2onnx writes; received {opset}."
        )


def check_converter() -> None:
    """Raise ImportError unless a paddle2onnx is installed that fits this Paddle."""
    wanted = "2.1.0" if int(paddle.__version__.split(".")[0]) >= 3 else "1.3.1"
    advice = f"pip install 'paddle2onnx=={wanted}', or export with formats=('paddle',)."
    for package in ("paddle2onnx", "onnx"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(f"ONNX needs {package}, which is not installed: {advice}")
    version = importlib.metadata.version("paddle2onnx")
    if version.split(".")[0] != wanted.split(".")[0]:
        raise ImportError(
            f"paddle2onnx {version} does not read the graphs of Paddle {paddle.__version__}: "
            f"{advice}"
        )


def to_onnx(folder: Path, outputs: Sequence[str], opset: int) -> None:
    """Write `model.onnx` beside the Paddle graph in `folder`.

    Args:
        folder: holds model.json or model.pdmodel, and model.pdiparams.
        outputs: names for the graph's outputs.
        opset: the version of ONNX's operators.

    Raises:
        RuntimeError: if the conversion fails, with the last lines that it printed.
    """
    program = next(folder / name for name in PROGRAMS if (folder / name).is_file())
    run_child(
        [str(SCRIPT), program, folder / PARAMETERS, folder / ONNX, opset, *outputs],
        "paddle2onnx could not convert the graph",
        folder,
    )
    if not (folder / ONNX).is_file():
        raise RuntimeError("paddle2onnx said that it had converted the graph, and wrote no file.")


def run_child(arguments: Sequence[object], failure: str, folder: Path) -> None:
    """Run Python on some arguments, quietly, in a folder, and wait.

    Raises:
        RuntimeError: if it fails, with `failure` and the last lines that it printed.
    """
    environment = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "POLYGRAPHY_AUTOINSTALL_DEPS": "0",
        "PYTHONDONTWRITEBYTECODE": "1",  # the folder is to be shipped
    }
    command = [sys.executable, *map(str, arguments)]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=MINUTES * 60,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{failure}: it took more than {MINUTES} minutes.") from None
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        raise RuntimeError(f"{failure} (it ended with {how}):\n" + "\n".join(lines[-12:]))
