"""Log files: what VisualDL reads of our records, and files that would end its server."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_ann.monitor import log_file, records


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


def read(path):
    from visualdl import LogReader

    return LogReader(file_path=str(path))


def test_visualdl_reads_what_is_written(tmp_path, picture):
    import cv2

    path = tmp_path / "vdlrecords.0000000001.log"
    counts, edges = np.histogram([1.0, 2.0, 4.0], bins=3)
    path.write_bytes(
        records.scalar("a/50% b", float("nan"), 3)
        + records.picture("c/d", picture, 5)
        + records.histogram("e", counts, edges, 7)
        + records.pr_curve("f", np.array([4, 2, 0]), np.array([6, 1, 0]), 11)
        + records.text("g", "some text", 13)
        + records.hyper_parameters("run", {"rate": 0.5, "on": True, "no": None}, ["a/50% b"])
    )
    log = read(path)
    (point,) = log.get_data("scalar", "a/50 percent b")
    assert point.id == 3 and np.isnan(point.value)
    (image,) = log.get_data("image", "c/d")
    pixels = cv2.imdecode(np.frombuffer(image.image.encoded_image_string, np.uint8), 1)
    np.testing.assert_array_equal(pixels[..., ::-1], picture)
    (bins,) = log.get_data("histogram", "e")
    assert list(bins.histogram.hist) == [1, 1, 1] and bins.histogram.bin_edges[-1] == 4.0
    (curve,) = log.get_data("pr_curve", "f")
    np.testing.assert_allclose(curve.pr_curve.precision, [0.4, 2 / 3, 1])
    np.testing.assert_allclose(curve.pr_curve.recall, [1, 0.5, 0])
    assert list(curve.pr_curve.TN) == [0, 5, 6] and list(curve.pr_curve.FN) == [0, 2, 4]
    (text,) = log.get_data("text", "g")
    assert text.text.encoded_text_string == "some text"
    (row,) = log.get_data("hyper_parameters", "hparam")
    assert {info.name: info.int_value for info in row.hparam.hparamInfos}["on"] == 1
    assert [info.name for info in row.hparam.metricInfos] == ["a/50 percent b"]


def test_a_picture_is_not_changed_by_being_written(picture):
    """VisualDL's own function multiplies an array of zeros and ones by 255."""
    ones = np.ones_like(picture)
    ones.flags.writeable = False
    records.picture("a", ones, 1)
    assert ones.max() == 1


def test_few_colours_take_fewer_bytes(picture):
    many = (
        np.kron(picture, np.ones((31, 31, 1), np.uint8)) ^ np.arange(217, dtype=np.uint8)[:, None]
    )
    assert len(records.picture("a", many, 1, colors=64)) < len(records.picture("a", many, 1))


def test_torn_files_are_found_and_whole_ones_are_not(tmp_path):
    whole = records.scalar("a", 1.0, 1) + records.scalar("a", 2.0, 2)
    first = len(records.scalar("a", 1.0, 1))
    contents = {
        "vdlrecords.1.log": whole,
        "b/vdlrecords.2.log": whole[:-1],
        "c/vdlrecords.3.log": whole[: first + 4],
        "d/vdlrecords.4.log": whole + log_file.frame(b"\xff\xff\xff"),
        "e/vdlrecords.5.log": b"",
        "f/other.log": whole[:-1],
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = log_file.torn_logs(tmp_path)
    assert {path.parent.name: sizes for path, sizes in found.items()} == {
        "b": (first, len(whole) - 1),
        "c": (first, first + 4),
        "d": (len(whole), len(whole) + 11),
    }


def test_whole_bytes():
    record = log_file.frame(b"abc")
    for cut in range(2 * len(record)):
        assert log_file.whole_bytes((record * 2)[:cut]) == cut // len(record) * len(record)
