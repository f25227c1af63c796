"""The command end to end with tiny sizes, and what it says to a wrong request."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import paddle
import pytest

from paddle_ann.benchmark import catalogue, report
from paddle_ann.benchmark.case import MEMORY, SHARE, TIME, Settings
from paddle_ann.benchmark.runner import Effort, run

ROOT = Path(__file__).resolve().parents[2]
NOTHING_TO_COMPARE = (
    "share of the machine",
    "share of the backbone",
    "against the dense non-local block",
)
QUICK = Settings(threads=1, quick=True)


def command(*arguments):
    """Run the benchmark on one thread: tests share their machine."""
    return subprocess.run(
        [sys.executable, str(ROOT / "tools/benchmark.py"), "--quick", "--rounds=2", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
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
    assert time.difference < 1e-5 and time.reference_macs > 0 and time.macs > 0
    assert memory.value > 0 and memory.reference_value > 0
    assert "of it" in page.read_text() and (out / "benchmark.md").read_text() in page.read_text()


def test_resume_keeps_what_is_there_and_measures_the_rest(tmp_path):
    """A row of the first sitting stays to the last digit; the order is the catalogue's."""
    out = ["--no-memory", "--output", str(tmp_path)]
    assert command("--rows", ": APNB, forward,", *out).returncode == 0
    ((kept,), _) = report.read_csv(tmp_path / "benchmark.csv")
    done = command("--rows", ": A.NB, forward,", "--resume", *out)
    assert done.returncode == 0, done.stderr
    assert "[1/1] AFNB" in done.stderr
    rows, around = report.read_csv(tmp_path / "benchmark.csv")
    assert [row.case[:4] for row in rows] == ["AFNB", "APNB"]
    assert (rows[1].value, rows[1].ratio) == (kept.value, kept.ratio)
    assert {"date_at_end", "load_average_at_end"} <= around.keys()
    other = command("--rows", ": A.NB", "--resume", "--threads=2", *out)
    assert other.returncode == 2 and "was measured with threads '1', now it is '2'" in other.stderr


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
        if row.group not in NOTHING_TO_COMPARE:
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


def test_rows_are_found_by_group_or_name_in_any_case():
    found = catalogue.cases(QUICK)
    assert [c.name for c in catalogue.select(found, "^against paddleseg: AFNB, forward,")] == [
        "AFNB, forward, batch 1"
    ]
    assert catalogue.select(found, None) == found
    with pytest.raises(ValueError, match="'no such' matches no row; --list shows all"):
        catalogue.select(found, "no such")
    with pytest.raises(ValueError, match=r"--rows '\(' is no regular expression"):
        catalogue.select(found, "(")


def test_a_gpu_that_is_not_there_is_named(tmp_path):
    if paddle.is_compiled_with_cuda():
        pytest.skip("this Paddle can use a GPU")
    done = command("--device", "gpu", "--output", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "--device gpu: this Paddle" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_page_without_marks_is_refused_before_the_measuring(tmp_path):
    (tmp_path / "page.md").write_text("nothing\n")
    done = command("--markdown", str(tmp_path / "page.md"), "--output", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "page.md lacks <!-- benchmark-paddle-cpu:begin -->" in done.stderr
    assert "[1/" not in done.stderr and not (tmp_path / "out").exists()


def test_the_docs_have_every_mark():
    page = ROOT / "docs/performance.md"
    for mark in ("paddle-cpu", "processor", "profile", "torch-cpu", "torch-gpu"):
        report.around_marks(page, f"benchmark-{mark}")


def test_what_does_not_fit_into_memory_is_left_out_visibly(capsys):
    case = replace(catalogue.cases(QUICK)[0], needs=2**60)
    assert list(run([case], QUICK, Effort(1))) == []
    assert "LEFT OUT: needs 1073741824.0 GiB" in capsys.readouterr().err
