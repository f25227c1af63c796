"""Going on with a measurement: what counts as done, what must not be mixed, the order."""

import pytest

from paddle_ann.benchmark import report, resume
from paddle_ann.benchmark.case import MEMORY, TIME, Case
from paddle_ann.benchmark.runner import make_row

FIRST = Case("first", {}, quantities=(TIME, MEMORY), group="group")
SECOND = Case("second", {}, group="group")
AROUND = {"date": "2026-11-22 05:00 UTC", "commit": "abc", "threads": "2"}


def row(case, quantity=TIME):
    return make_row(case, quantity, ("PaddleSeg", [2.0]), ("ours", [1.0]))


def test_a_case_is_done_with_all_its_quantities():
    half = [row(FIRST), row(SECOND)]
    assert resume.missing([FIRST, SECOND], half, memory=True) == [FIRST]
    assert resume.missing([FIRST, SECOND], half, memory=False) == []
    assert resume.missing([FIRST], [*half, row(FIRST, MEMORY)], memory=True) == []
    assert [r.case for r in resume.keep(half, [FIRST])] == ["second"]


def test_rows_stand_in_the_order_of_the_cases_and_time_before_memory():
    taken = [row(SECOND), row(FIRST), row(FIRST, MEMORY)]
    found = [(r.case, r.quantity) for r in resume.in_order(taken, [FIRST, SECOND])]
    assert found == [("first", TIME), ("first", MEMORY), ("second", TIME)]


def test_the_first_sitting_gives_the_circumstances(tmp_path):
    path = tmp_path / "x.csv"
    assert resume.load(path, AROUND) == ([], AROUND)
    report.write_csv([row(SECOND)], {**AROUND, "date_at_end": "later"}, path)
    rows, around = resume.load(path, {**AROUND, "date": "2026-11-23 07:00 UTC"})
    assert [r.case for r in rows] == ["second"]
    assert around == {**AROUND, "date_at_end": "later"}


@pytest.mark.parametrize(
    "change", [{"commit": "def"}, {"threads": "1"}, {"torch": "2.13.0"}], ids=str
)
def test_other_circumstances_are_refused_by_name(tmp_path, change):
    report.write_csv([row(SECOND)], AROUND, tmp_path / "x.csv")
    with pytest.raises(ValueError, match=f"measured with {next(iter(change))} .*--output"):
        resume.load(tmp_path / "x.csv", {**AROUND, **change})
