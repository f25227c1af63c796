"""CSV round trip with its circumstances, goals, tables, marks, exponents."""

import math
from dataclasses import replace

import pytest

from paddle_ann.benchmark import growth, report
from paddle_ann.benchmark.case import MEMORY, SHARE, TIME, Case, Goal, Row
from paddle_ann.benchmark.runner import make_row

CASE = Case("head, eval, batch 1", {}, {TIME: Goal(1.6), MEMORY: Goal(0.7, True)}, group="group")
ENVIRONMENT = {"date": "2026-11-22 05:00 UTC", "processor": "A: chip, with comma", "threads": "2"}


def rows():
    times = make_row(
        CASE, TIME, ("PaddleSeg", [4.0, 2.0, 3.0]), ("ours", [1.0, 1.0, 2.0]),
        difference=3e-7, reference_macs=25_300_000_000, macs=11_300_000_000,
    )  # fmt: skip
    return [times, make_row(CASE, MEMORY, ("PaddleSeg", [100.0]), ("ours", [80.0]))]


def test_rows_summarise_the_rounds():
    times, memory = rows()
    assert (times.reference_value, times.value, times.runs) == (3.0, 1.0, 3)
    assert times.ratio == 2.0  # of 4, 2 and 1.5: by round, not of the medians
    assert times.goal.met(times.ratio)
    assert memory.goal.inverse and not memory.goal.met(memory.ratio)  # 0.80 > 0.70


def test_rates_are_ours_by_theirs():
    case = replace(CASE, goals={SHARE: Goal(0.75)})
    row = make_row(case, SHARE, ("GEMM", [200e9] * 2), ("ours", [160e9] * 2))
    assert row.ratio == pytest.approx(0.8)
    assert report.cells(row)[2:5] == ("ours: 320.0 GFLOP/s", "80 % of it (80–80)", "≥ 75%: met")


def test_csv_keeps_rows_and_circumstances(tmp_path):
    report.write_csv(rows(), ENVIRONMENT, tmp_path / "deep" / "x.csv")
    back, environment = report.read_csv(tmp_path / "deep" / "x.csv")
    assert environment == ENVIRONMENT
    for mine, written in zip(back, rows()):
        for name in Row.__dataclass_fields__:
            a, b = getattr(mine, name), getattr(written, name)
            assert a == b or math.isnan(a) and math.isnan(b), name
    assert len(back) == 2


def test_foreign_csv_is_refused(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"x\.csv has the columns"):
        report.read_csv(tmp_path / "x.csv")


def test_tables_put_goal_and_circumstances_beside_the_figures():
    for made in (report.markdown(rows(), ENVIRONMENT), report.text(rows())):
        assert "≥ 1.6×: met" in made
        assert "≤ 0.70 of it: 0.80, NOT met" in made
        assert "25.3 ÷ 11.3" in made and "3e-07" in made
    assert "A: chip, with comma" in report.markdown(rows(), ENVIRONMENT)


def test_insert_replaces_between_its_marks_only(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- x:begin -->\nold\n<!-- x:end -->\nafter\n")
    report.insert(page, "x", "new")
    report.insert(page, "x", "newer")
    assert page.read_text() == "before\n<!-- x:begin -->\n\nnewer\n\n<!-- x:end -->\nafter\n"
    with pytest.raises(ValueError, match="lacks <!-- y:begin -->"):
        report.insert(page, "y", "new")
    assert "newer" in page.read_text()


def test_exponents_are_of_the_larger_half(tmp_path):
    """Linear first, quadratic later: the larger half says 2."""
    case = replace(CASE, name="whole block, 1x1")
    sizes = (10, 20, 40, 80, 160, 320)
    made = [
        replace(
            make_row(case, TIME, ("dense", [max(100 * n, n * n)]), ("APNB", [3.0 * n])),
            positions=n,
        )
        for n in reversed(sizes)
    ]
    dense, sampled = growth.series(made)
    assert dense.positions == sizes
    assert (dense.side, sampled.side) == ("dense", "APNB")
    assert sampled.exponent == pytest.approx(1)
    assert growth.exponent(sizes[3:], dense.values[3:]) == pytest.approx(1.85, abs=0.15)
    assert "| APNB, whole block | time | 1.00 |" in growth.table([dense, sampled])
    growth.plot([dense, sampled], tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 5000
    assert math.isnan(growth.exponent([3], [1.0])) and math.isnan(growth.exponent([1, 2], [0, 1]))
