"""Many images: all written, the bad ones named, the disk's end heard; like one by one."""

from __future__ import annotations

import errno
import io
import itertools
import threading

import numpy as np
import pytest
from PIL import Image

from paddle_ann.deploy import Predictor
from paddle_ann.deploy.finding import find
from paddle_ann.deploy.inferring import infer
from paddle_ann.deploy.outputs import Outputs
from tests.deploy.toy import picture

SIZES = [(29, 41), (29, 41), (31, 13), (29, 41), (7, 61)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for seed, size in enumerate(SIZES):
        Image.fromarray(picture(*size, seed)).save(tmp_path / "in" / f"图 {seed}.png")
    return tmp_path / "in"


def run(bundle, folder, stream=None, kinds=("ids", "confidence"), strict=False, **options):
    predictor = Predictor(bundle, **options)
    classes, palette = predictor.bundle.classes, predictor.bundle.palette
    outputs = Outputs(folder.parent / "out", kinds, classes, palette)
    before = threading.active_count()
    try:
        return infer(predictor, find([str(folder)]), outputs, strict, stream)
    finally:
        assert threading.active_count() == before


def ids_of(folder, name):
    with Image.open(folder.parent / "out/ids" / f"{name}.png") as mask:
        return np.asarray(mask)


@pytest.mark.parametrize("options", [{}, {"batch_size": 2}, {"tile": 17}, {"scales": [0.5, 1.0]}])
def test_each_image_has_its_own_result(plain_bundle, folder, options):
    assert run(plain_bundle, folder, **options) == []
    alone = Predictor(plain_bundle, **options)
    for path in folder.iterdir():
        assert np.array_equal(ids_of(folder, path.name), alone(path).ids)
        assert (folder.parent / "out/confidence" / f"{path.name}.png").is_file()


@pytest.mark.parametrize("options", [{}, {"batch_size": 5}, {"tile": 17}])
def test_a_bad_image_is_named_and_skipped(plain_bundle, folder, options):
    bad = folder / "图 1.png"
    bad.write_bytes(bad.read_bytes()[:99])
    (folder / "empty.jpg").touch()
    stream = io.StringIO()
    failures = run(plain_bundle, folder, stream, **options)
    assert sorted(failure.path.name for failure in failures) == ["empty.jpg", "图 1.png"]
    assert "is empty (0 bytes)" in stream.getvalue() and f"skipped: {bad} is" in stream.getvalue()
    assert len(list((folder.parent / "out/ids").iterdir())) == len(SIZES) - 1
    with pytest.raises(ValueError, match="empty.jpg is empty"):
        run(plain_bundle, folder, strict=True, **options)


def test_what_the_engine_refuses_is_found_in_its_batch(plain_bundle, folder, monkeypatch):
    own = Predictor._run

    def fails(self, batch, keep):
        if any(one.source.name == "图 1.png" for one in batch):
            raise Exception("an engine's own error")
        return own(self, batch, keep)

    monkeypatch.setattr(Predictor, "_run", fails)
    [failure] = run(plain_bundle, folder, batch_size=2)
    assert str(failure) == f"{folder / '图 1.png'}: an engine's own error"
    assert len(list((folder.parent / "out/ids").iterdir())) == len(SIZES) - 1


def test_a_result_that_is_there_is_kept(plain_bundle, folder):
    place = folder.parent / "out/confidence/图 3.png.png"
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    [failure] = run(plain_bundle, folder)
    assert isinstance(failure.error, FileExistsError) and place.read_text() == "mine"
    assert failure.path.name == "图 3.png" and "nothing is overwritten" in str(failure)


def test_a_large_picture_tells_how_far_it_is(plain_bundle, folder, monkeypatch):
    monkeypatch.setattr("time.monotonic", itertools.count(0, 20).__next__)  # each look is late
    stream = io.StringIO()
    run(plain_bundle, folder, stream, tile=17)
    assert "图 2.png: 1/3, " in stream.getvalue() and "rows of tiles/min" in stream.getvalue()
    assert "segmented 5/5, " in stream.getvalue() and "images/min" in stream.getvalue()


def test_a_full_disk_ends_it(plain_bundle, folder, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Outputs, "write", full)
    with pytest.raises(OSError, match="No space left"):
        run(plain_bundle, folder)


def test_ctrl_c_leaves_no_thread(plain_bundle, folder, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(Outputs, "write", interrupted)
    for options in ({}, {"tile": 17}):
        with pytest.raises(KeyboardInterrupt):
            run(plain_bundle, folder, **options)
