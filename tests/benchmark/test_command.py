"""The command end to end with tiny sizes, and what it says to a wrong request."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_ann.benchmark import catalogue, report
from paddle_ann.benchmark.case import MEMORY, SHARE, TIME, Settings

ROOT = Path(__file__).resolve().parents[2]
QUICK = Settings(threads=1, quick=True)


def command(*arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "tools/benchmark.py"), "--quick", "--rounds=2", *arguments],
        capture_output=True,
        text=True,
    )


def test_every_row_of_the_plan_is_there_with_its_goal():
    """The goals are the issue's; a full run has the three backbones and the paper's sizes."""
    goals = {}
    for case in catalogue.cases(Settings()):
        for quantity, goal in case.goals.items():
            goals[re.sub(r", batch \d+", "", case.name), quantity] = (goal.bound, goal.inverse)
    assert goals == {
        ("AFNB, forward", TIME): (1.8, False),
        ("AFNB, forward + backward", TIME): (1.6, False),
        ("APNB, forward", TIME): (2.0, False),
        ("APNB, forward + backward", TIME): (1.7, False),
        ("head, eval, training form", TIME): (1.6, False),
        ("head, eval, inference form", TIME): (2.1, False),
        ("head, train step", TIME): (1.25, False),
        ("head, train step", MEMORY): (0.70, True),
        ("ANN-ResNet50_vd 512x512, eval, inference form", TIME): (1.35, False),
        ("ANN-ResNet50_vd 512x512, train step", TIME): (1.10, False),
        ("ANN-ResNet50_vd 512x512, train step", MEMORY): (0.85, True),
        ("share of GEMM: head, eval, training form", SHARE): (0.75, False),
        ("share of GEMM: head, eval, inference form", SHARE): (0.75, False),
        ("share of GEMM: head, train step", SHARE): (0.75, False),
        (
            "evaluate(), 50 images 256x256, 21 classes, ResNet18_vd, training form",
            TIME,
        ): (1.5, False),
    }
    names = [case.name for case in catalogue.cases(Settings())]
    assert len(names) == len(set(names))
    for wanted in ("ResNet18_vd 512", "ResNet101_vd 512", "96x96", "128x128", "128x256"):
        assert any(wanted in name for name in names)


def test_quick_run_writes_table_csv_and_agrees(tmp_path):
    """Time and memory of one row; outputs of ours equal PaddleSeg's."""
    page = tmp_path / "page.md"
    mark = "<!-- benchmark-paddle-cpu:{} -->"
    page.write_text(f"{mark.format('begin')}\n{mark.format('end')}\n")
    out = tmp_path / "out"
    done = command("--rows", "head, train step", "--output", str(out), "--markdown", str(page))
    assert done.returncode == 0, done.stderr
    assert "ETA" in done.stderr and "--quick: figures mean nothing" in done.stdout
    rows, environment = report.read_csv(out / "benchmark.csv")
    assert {"commit", "threads", "processor", "paddlepaddle", "date"} <= environment.keys()
    time, memory = (r for r in rows if r.group == "against PaddleSeg")
    assert (time.quantity, memory.quantity, time.runs) == (TIME, MEMORY, 2)
    assert time.difference < 1e-5 and time.reference_macs > time.macs > 0
    assert memory.value > 0 and memory.reference_value > 0
    assert "of it" in page.read_text() and (out / "benchmark.md").read_text() in page.read_text()


@pytest.fixture(scope="module")
def all_quick_rows(tmp_path_factory):
    """Every row without memory, in one process."""
    out = tmp_path_factory.mktemp("quick")
    done = command("--no-memory", "--output", str(out))
    assert done.returncode == 0, done.stderr
    return out, report.read_csv(out / "benchmark.csv")[0]


def test_all_sides_of_all_rows_compute_the_same(all_quick_rows):
    out, rows = all_quick_rows
    assert {row.case for row in rows} == {case.name for case in catalogue.cases(QUICK)}
    for row in rows:
        assert row.value > 0
        if row.group not in ("share of the machine", "against the dense non-local block"):
            assert row.difference < 1e-5, row.case
    assert (out / "performance.png").exists()


def test_both_graphs_in_pytorch(tmp_path):
    pytest.importorskip("torch", reason="the optional extra `benchmark` is not installed")
    done = command("--graphs", "torch", "--no-memory", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows, _ = report.read_csv(tmp_path / "benchmark.csv")
    assert len(rows) == 6 and {row.group for row in rows} == {
        "the two graphs, both transcribed to PyTorch"
    }
    for row in rows:
        assert row.difference < (1e-5 if "float32" in row.case else 0.1), row.case


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--rows", "no such row"], "matches no row; --list shows all"),
        (["--rows", "("], "is no regular expression"),
        (["--device", "gpu"], "--device gpu"),
        (["--rounds", "0"], "0 is less than 1"),
    ],
)
def test_wrong_requests_are_named(arguments, named, tmp_path):
    done = command(*arguments, "--output", str(tmp_path))
    assert done.returncode == 2
    assert named in done.stderr
