"""The ways to set the processor up: what each sets, and the table."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_ann.benchmark import processor

ROOT = Path(__file__).resolve().parents[2]


def test_each_way_sets_what_its_name_says():
    ways = processor.ways(cores=7)
    assert ways["AVX2 path, all cores"]["OMP_NUM_THREADS"] == "7"
    assert ways[processor.PACKAGE] == {}
    off = {name for name, variables in ways.items() if "PADDLE_ANN_COMPAT" in variables}
    assert off == set(ways) - {processor.PACKAGE}
    assert {n for variables in ways.values() for n in variables} < set(processor.NAMES)


def test_a_process_sees_its_variables_and_none_of_ours(monkeypatch):
    monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", "5")
    monkeypatch.setattr(processor.sys, "executable", str(ROOT / "no such python"))
    seen = {}

    def run(command, env, **_):
        seen.update(env)
        return subprocess.CompletedProcess(command, 0, json.dumps({"gemm": 1, "step": 2}), "")

    monkeypatch.setattr(processor.subprocess, "run", run)
    assert processor.in_process({"OMP_NUM_THREADS": "3"}, True) == {"gemm": 1, "step": 2}
    assert seen["OMP_NUM_THREADS"] == "3" and "MKL_DEBUG_CPU_TYPE" not in seen


def test_table_compares_with_the_defaults_round_by_round():
    slow = [{"gemm": 40.0, "step": 8.0}, {"gemm": 20.0, "step": 16.0}]
    fast = [{"gemm": 80.0, "step": 4.0}, {"gemm": 60.0, "step": 4.0}]
    table = processor.table({processor.DEFAULTS: slow, "x": fast})
    assert "| x | 70 GFLOP/s (65–75) | 2.50× (2.25–2.75) | 4.00 s (4.00–4.00) | 3.00×" in table


@pytest.mark.slow
def test_command_end_to_end():
    command = [sys.executable, str(ROOT / "tools/benchmark_cpu.py"), "--quick", "--rounds=1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in processor.ways(1):
        assert f"| {name} | " in done.stdout
