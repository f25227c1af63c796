"""What figures were measured with: machine, threads, versions, date, commit."""

from __future__ import annotations

import contextlib
import io
import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "paddleseg", "torch", "numpy")

VARIABLES = ("MKL_DEBUG_CPU_TYPE", "KMP_BLOCKTIME", "PADDLE_ANN_COMPAT")


def describe(threads: int, device: str, quick: bool = False) -> dict[str, str]:
    """Returns the circumstances of a measurement, as text by name.

    Args:
        threads: how many threads each side computes with.
        device: 'cpu' or 'gpu'.
        quick: whether the sizes are the tiny ones.
    """
    return {
        "date": now(),
        "commit": commit(),
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "threads": str(threads),
        **{name: os.environ.get(name, "not set") for name in VARIABLES},
        "device": device,
        "gpu": gpu() if device == "gpu" else "not used",
        "sizes": "tiny, they mean nothing" if quick else "full",
        "load_average_at_start": load_average(),
        "python": platform.python_version(),
        **versions(PACKAGES),
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Returns the versions of those packages that are installed."""
    found = {name: _version(name) for name in packages}
    return {name: number for name, number in found.items() if number}


def end() -> dict[str, str]:
    """Returns what else is to be known when a measurement ends."""
    return {"date_at_end": now(), "load_average_at_end": load_average()}


def now() -> str:
    """Returns date and time in UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keeps what others print, logs and progress bars, away."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def processor() -> str:
    """Returns the name of the processor's model."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def gpu() -> str:
    """Returns the name of the first GPU and its driver, as the driver's own tool gives them."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    return _output(query).splitlines()[0] if _output(query) else "unknown"


def commit() -> str:
    """Returns the commit of this checkout, marked where tracked files differ from it."""
    folder = str(Path(__file__).parent)
    name = _output(["git", "-C", folder, "rev-parse", "--short", "HEAD"])
    changed = _output(["git", "-C", folder, "status", "--porcelain", "--untracked-files=no", "."])
    return (name + (" with changes" if changed else "")) if name else "not a git checkout"


def load_average() -> str:
    """Returns how many processes ran or waited in the last 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
