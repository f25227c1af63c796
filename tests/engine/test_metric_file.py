"""`metrics.csv`: what was written is read; half a line is none; what is no table stays as it is."""

from __future__ import annotations

import pytest

from paddle_ann.engine import metric_file

ROWS = [
    {"epoch": 1, "iteration": 3, "loss": 0.1 + 0.2, "IoU a, b": None},
    {"epoch": 2, "iteration": 7, "loss": 1 / 3, "IoU a, b": 0.5},
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run/metrics.csv"
    for row in ROWS:
        metric_file.append(path, row)
    return path


def test_what_was_appended_is_read_to_the_last_digit(path):
    table = metric_file.read(path)
    assert table.header == list(ROWS[0]) and table.iterations() == [3, 7]
    assert [float(row[2]) for row in table.rows] == [0.1 + 0.2, 1 / 3]
    assert [row[3] for row in table.rows] == ["", "0.5"]


@pytest.mark.parametrize("tail", ["3", "3,11,0.2", '3,11,0.2,"', "3,11,0.2,0.5"])
def test_a_line_that_is_cut_off_is_no_line(path, tail):
    before = path.read_bytes()
    path.write_bytes(before + tail.encode())
    assert len(metric_file.read(path).rows) == 2
    metric_file.cut_back(path, 7)
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == ["metrics.csv"]


@pytest.mark.parametrize(("iteration", "kept"), [(2, 0), (3, 1), (6, 1), (7, 2)])
def test_cut_back(path, iteration, kept):
    lines = path.read_text().splitlines(keepends=True)
    metric_file.cut_back(path, iteration)
    assert path.read_text() == "".join(lines[: 1 + kept])


def test_cut_off_in_the_header(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,iter")
    metric_file.cut_back(path, 0)
    assert metric_file.fits(path, list(ROWS[0]))
    metric_file.append(path, ROWS[0])
    assert metric_file.read(path).iterations() == [3]


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\xff\n",
        b"epoch;iteration\n1;3\n",
        b"epoch,iteration\n1\n",
        b"epoch,iteration\n1,many\n",
        b"epoch,iteration\n1,\x00\n",
        b'epoch,iteration\n1,"3\n',
    ],
)
def test_what_is_no_table_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "metrics.csv"
    path.write_bytes(content)
    for function in (metric_file.read, lambda p: metric_file.cut_back(p, 1)):
        with pytest.raises(ValueError, match=r"metrics\.csv is no table of metrics: "):
            function(path)
    assert path.read_bytes() == content


def test_fits(path):
    assert metric_file.fits(path, list(ROWS[0]))
    assert not metric_file.fits(path, ["epoch", "iteration", "loss"])
    assert metric_file.fits(path.with_name("none.csv"), ["iteration"])
