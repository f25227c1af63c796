"""Runs the tests on every supported Paddle: what `make test-matrix` calls.

One environment each in .matrix/, made by tools/venv.sh. The CPU builds run the fast tests. The
registry's GPU build is imported and trains six iterations; without a GPU it falls back to the CPU,
so this proves that the set installs and works together, not that it is fast or right on a GPU.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SHARED = ["-e", ".", "-r", "requirements-dev.txt"]
PYTEST = ["-m", "pytest", "-q", "-m", "not slow"]
SIX_ITERATIONS = ["-m", "pytest", "-q", "-s", "tests/test_six_iterations.py"]


class Row(NamedTuple):
    """One environment: what pip installs, what its Python then runs, and that in words."""

    install: list[str]
    run: list[str]
    what: str



MATRIX = {
    "cpu-3.3.1": Row(["-r", "requirements-cpu.txt", *SHARED], PYTEST, "fast tests"),
    "cpu-2.6.2": Row(
        ["paddlepaddle==2.6.2", "-c", "constraints.txt", *SHARED], PYTEST, "fast tests"
    ),
    "gpu-2.6.2": Row(["-r", "requirements.txt", *SHARED], SIX_ITERATIONS, "import, 6 iterations"),
}


def run_row(name: str, row: Row) -> tuple[bool, str]:
    """Makes the environment, runs the row in it, and returns (passed, pytest's last line)."""
    venv = ROOT / ".matrix" / name
    print(f"\n== {name}: {row.what}", flush=True)
    made = subprocess.run([str(ROOT / "tools" / "venv.sh"), str(venv), *row.install], cwd=ROOT)
    if made.returncode:
        return False, "the environment could not be made (see above)"
    process = subprocess.Popen(
        [str(venv / "bin" / "python"), *row.run],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    summary = "no summary"
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if re.search(r"\d+ (passed|failed|error|skipped|deselected).* in [\d.]+s", line):
            summary = line.strip(" =\n")
    return process.wait() == 0, summary


def main() -> int:
    """Runs the chosen rows, prints one table, and returns the number of rows that failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(MATRIX)} (default: all)")
    names = parser.parse_args().names or list(MATRIX)
    if unknown := sorted(set(names) - set(MATRIX)):
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(MATRIX)}")

    results = {}
    for name in names:
        start = time.monotonic()
        results[name] = (*run_row(name, MATRIX[name]), time.monotonic() - start)

    print(f"\n{'environment':<12} {'what':<22} {'result':<7} {'time':>7}  summary")
    for name, (passed, summary, seconds) in results.items():
        verdict = "passed" if passed else "FAILED"
        print(f"{name:<12} {MATRIX[name].what:<22} {verdict:<7} {seconds:6.0f}s  {summary}")
    return sum(not passed for passed, _, _ in results.values())


if __name__ == "__main__":
    sys.exit(main())
