"""The gate's arithmetic: differences, ties, nan; and what it prints."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_ann.deploy.parity import Report, Row
from paddle_ann.deploy.runner.bundle import softmax

LOGITS = np.zeros((2, 3, 5, 7), np.float32)
LOGITS[:, 1] = 10
LOGITS[0, 2, 0, 0] = 10 - 1e-6  # all but a tie


def row_of(output: str, got: np.ndarray) -> Row:
    row = Row("engine", "1.0")
    row.add("2x5x7", LOGITS, output, got, 1e-4)
    return row


def test_equal_outputs_pass():
    for output, got in (
        ("logits", LOGITS),
        ("softmax", np.stack([softmax(one) for one in LOGITS])),
        ("argmax", LOGITS.argmax(1).astype(np.int32)),
    ):
        row = row_of(output, got)
        assert row.passes(1e-4) and row.difference < 1e-6 and row.agreement == 1
        assert row.pixels == 70 and row.equal == 70


def test_the_difference_is_relative_to_the_largest_logit():
    got = LOGITS.copy()
    got[1, 0, 3, 2] += 0.5
    row = row_of("logits", got)
    assert row.difference == pytest.approx(0.05) and row.where == "2x5x7, logits"
    assert not row.passes(0.04) and row.passes(0.06)


def test_another_class_is_let_through_where_the_scores_tie_and_nowhere_else():
    ids = LOGITS.argmax(1)
    ids[0, 0, 0] = 2
    tied = row_of("argmax", ids)
    assert (tied.equal, tied.wrong) == (69, 0)
    ids[0, 0, 0], ids[1, 4, 6] = 1, 2
    assert row_of("argmax", ids).wrong == 1 and not row_of("argmax", ids).passes(1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_is_refused(value):
    got = LOGITS.copy()
    got[0, 0, 0, 0] = value
    assert not row_of("logits", got).passes(1e-4)
    row = Row("engine", "1.0")
    row.add("a", got, "logits", got, 1e-4)
    row.add("b", LOGITS, "logits", LOGITS, 1e-4)
    assert not row.passes(1e-4) and row.where == "a, logits"


def test_class_numbers_out_of_range_and_other_shapes_are_refused():
    ids = LOGITS.argmax(1)
    ids[0, 0, 1] = 99
    assert row_of("argmax", ids).wrong == 1
    assert not row_of("logits", LOGITS[:, :, :4]).passes(1e-4)
    assert "shape [2, 3, 4, 7], not [2, 3, 5, 7]" in row_of("logits", LOGITS[:, :, :4]).where


def test_the_report_says_what_was_not_compared_and_why_it_was_refused():
    good, absent = row_of("logits", LOGITS), Row("openvino", "")
    report = Report([good, absent], ["2x5x7"], 1e-4)
    assert report.passed
    assert "openvino     not installed, not compared" in str(report)
    assert "100.0000%" in str(report) and "0.0e+00" in str(report)
    bad = row_of("logits", LOGITS + 1)
    report = Report([good, bad], ["2x5x7"], 1e-4)
    assert not report.passed and "REFUSED, 2x5x7, logits" in str(report)
    assert report.as_dict()["rows"][1]["difference"] == pytest.approx(0.1)
