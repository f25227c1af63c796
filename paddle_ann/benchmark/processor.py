"""What the processor settings of `paddle_ann.cpu` gain: a process for each way to set them.

The settings are read when Paddle is loaded, so each measurement is a process of its own; the ways
take turns. Run as a module it is that process and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping

from paddle_ann.benchmark.case import Settings
from paddle_ann.benchmark.environment import quietly
from paddle_ann.benchmark.memory import ROOT
from paddle_ann.benchmark.timing import interleave, spread

DEFAULTS, PACKAGE = "Paddle's defaults", "import paddle_ann"
NAMES = ("MKL_DEBUG_CPU_TYPE", "KMP_BLOCKTIME", "OMP_NUM_THREADS", "PADDLE_ANN_COMPAT",
         "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")  # fmt: skip
STEPS = 2


def ways(cores: int) -> dict[str, dict[str, str]]:
    """Returns the environment variables of each way to run, by its name.

    Args:
        cores: the number of threads where all cores are used.
    """
    off = {"PADDLE_ANN_COMPAT": "off"}
    mkl, threads = {"MKL_DEBUG_CPU_TYPE": "5"}, {"OMP_NUM_THREADS": str(cores)}
    kept = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
    return {
        DEFAULTS: off,
        "MKL's AVX2 path": {**off, **mkl},
        "all cores": {**off, **threads},
        "AVX2 path, all cores": {**off, **mkl, **threads},
        "freed buffers kept": {**off, **kept},
        PACKAGE: {},
    }


def measure(rounds: int, cores: int, quick: bool) -> Iterator[tuple[str, dict[str, float]]]:
    """Yields (way, figures) of every process, the ways in turn.

    Args:
        rounds: processes of each way.
        cores: threads where all cores are used.
        quick: tiny sizes.
    """
    for _ in range(rounds):
        for name, variables in ways(cores).items():
            yield name, in_process(variables, quick)


def in_process(variables: Mapping[str, str], quick: bool) -> dict[str, float]:
    """Returns the figures of a process with these variables, and none other of ours, set.

    Raises:
        RuntimeError: if it fails, with the end of what it printed.
    """
    kept = {name: value for name, value in os.environ.items() if name not in NAMES}
    environment = {**kept, **variables, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", __name__, json.dumps(quick)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"Measuring with {variables} failed: {done.stderr.strip()[-800:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def figures(quick: bool) -> dict[str, float]:
    """Returns the rate of a matrix product in GFLOP/s and the seconds of a training step."""
    import paddle_ann  # noqa: F401  sets the processor up, unless it is told not to
    from paddle_ann.benchmark import machine_cases, paddleseg_cases

    size = 256 if quick else 2048
    settings = Settings(quick=quick, train_batch=2)
    image = 65 if quick else 256
    with quietly():
        step = paddleseg_cases.network_training(
            settings, "ResNet18_vd", paddleseg_cases.OURS, image
        )
    sides = {"gemm": machine_cases.gemm(size, size, size).run, "step": step.run}
    medians = {n: spread(interleave({n: r}, rounds=STEPS)[n]).median for n, r in sides.items()}
    return {"gemm": 2e-9 * size**3 / medians["gemm"], "step": medians["step"]}


def table(taken: Mapping[str, list[dict[str, float]]]) -> str:
    """Writes a Markdown table: medians over the processes, and how many times the defaults'."""
    lines = [
        "| | matrix product | ÷ defaults | training step | defaults ÷ |",
        "|---|---:|---:|---:|---:|",
    ]
    base = taken[DEFAULTS]
    for name, runs in taken.items():
        gemm, step = (spread([run[key] for run in runs]) for key in ("gemm", "step"))
        faster = spread([run["gemm"] / other["gemm"] for run, other in zip(runs, base)])
        shorter = spread([other["step"] / run["step"] for run, other in zip(runs, base)])
        lines.append(
            f"| {name} | {gemm.median:.0f} GFLOP/s ({gemm.low:.0f}–{gemm.high:.0f}) | "
            f"{faster.median:.2f}× ({faster.low:.2f}–{faster.high:.2f}) | "
            f"{step.median:.2f} s ({step.low:.2f}–{step.high:.2f}) | "
            f"{shorter.median:.2f}× ({shorter.low:.2f}–{shorter.high:.2f}) |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(figures(json.loads(sys.argv[1]))))
