"""What is written: read back by Pillow, named without collisions, whole or not at all."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_ann.deploy.outputs import KINDS, Outputs, overlay
from paddle_ann.deploy.png import PngRows
from paddle_ann.deploy.prediction import Prediction
from tests.deploy.conftest import DESCRIPTION
from tests.deploy.toy import picture

CLASSES, PALETTE = DESCRIPTION["classes"], np.array(DESCRIPTION["palette"], np.uint8)
RGB = picture(29, 41)
SHARES = np.random.RandomState(1).rand(29, 41).astype(np.float32)
IDS = np.random.RandomState(0).randint(0, 5, (29, 41)).astype(np.int32)
FOUND = Prediction(ids=IDS, confidence=SHARES, entropy=1 - SHARES)


def rows_of(found, first, last):
    return Prediction(**{name: values[first:last] for name, values in vars(found).items()})


BANDS = [(0, rows_of(FOUND, 0, 11)), (11, rows_of(FOUND, 11, 12)), (12, rows_of(FOUND, 12, 29))]


def outputs(folder, *kinds, **options):
    return Outputs(folder, kinds or tuple(KINDS), CLASSES, PALETTE, **options)


def names_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


@pytest.mark.parametrize("bands", [[(0, FOUND)], BANDS], ids=["whole", "bands"])
def test_every_kind_is_read_back(tmp_path, bands):
    outputs(tmp_path).write("图 1.jpg", RGB, bands)
    found = {kind: Image.open(tmp_path / kind / "图 1.jpg.png") for kind in KINDS}
    assert found["ids"].mode == "P" and np.array_equal(found["ids"], IDS)
    assert found["ids"].getpalette()[:15] == PALETTE.ravel().tolist()
    assert found["overlay"].mode == "RGB"
    assert np.array_equal(found["overlay"], overlay(RGB, FOUND, PALETTE))
    assert np.array_equal(found["confidence"], np.rint(SHARES * 255))
    assert np.array_equal(found["entropy"], np.rint((1 - SHARES) * 255))
    assert len(names_below(tmp_path)) == 4


def test_the_overlay_is_paddlesegs():
    expected = cv2.addWeighted(RGB, 0.6, PALETTE[IDS], 0.4, 0)
    assert np.abs(overlay(RGB, FOUND, PALETTE).astype(int) - expected).max() <= 1


def test_names_do_not_collide(tmp_path):
    writer = outputs(tmp_path, "ids")
    for name in ("a.jpg", "a.png", "a.jpg.png", "b c/a.jpg"):
        writer.write(name, RGB, [(0, FOUND)])
    expected = ["a.jpg.png", "a.jpg.png.png", "a.png.png", "b c/a.jpg.png"]
    assert names_below(tmp_path / "ids") == expected


def test_nothing_is_overwritten_unasked(tmp_path):
    outputs(tmp_path, "overlay").write("a.jpg", RGB, [(0, FOUND)])
    before = (tmp_path / "overlay/a.jpg.png").read_bytes()
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        outputs(tmp_path).write("a.jpg", RGB[::-1], [(0, FOUND)])
    assert names_below(tmp_path) == ["overlay/a.jpg.png"]
    assert (tmp_path / "overlay/a.jpg.png").read_bytes() == before
    outputs(tmp_path, overwrite=True).write("a.jpg", RGB[::-1], [(0, FOUND)])
    assert (tmp_path / "overlay/a.jpg.png").read_bytes() != before


def test_what_fails_halfway_leaves_nothing(tmp_path):
    def bands():
        yield BANDS[0]
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        outputs(tmp_path).write("a.jpg", RGB, bands())
    with pytest.raises(ValueError, match="17 rows are missing"):
        outputs(tmp_path).write("a.jpg", RGB, BANDS[:2])
    assert names_below(tmp_path) == []


def test_the_legend_names_every_class(tmp_path):
    path = outputs(tmp_path).write_legend()
    with Image.open(path) as image:
        drawn = {color for _, color in image.getcolors(1 << 20)}
    assert drawn >= {tuple(color) for color in PALETTE.tolist()}
    assert outputs(tmp_path).write_legend() == path  # the same again
    other = Outputs(tmp_path, ["ids"], ["x\ny" * 99], PALETTE[:1])
    with pytest.raises(FileExistsError, match="of other classes"):
        other.write_legend()


def test_kinds_and_folders_of_no_use_are_refused(tmp_path):
    with pytest.raises(ValueError, match="outputs must be of ids"):
        outputs(tmp_path, "mask")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="is a file"):
        outputs(tmp_path / "file")
    with pytest.raises(ValueError, match="256 classes at most, and there are 257"):
        Outputs(tmp_path, ["ids"], ["x"] * 257, np.zeros((257, 3), np.uint8))
    with pytest.raises(ValueError, match="there are 257"), open(tmp_path / "x", "wb") as file:
        PngRows(file, 1, 1, "P", np.zeros((257, 3), np.uint8))


@pytest.mark.parametrize("mode, shape", [("L", (7, 1)), ("RGB", (7, 1, 3)), ("P", (1, 13))])
def test_pngs_of_one_column_or_row(tmp_path, mode, shape):
    values = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    with open(tmp_path / "a.png", "wb") as file:
        writer = PngRows(file, shape[1], shape[0], mode, np.zeros((256, 3)))
        writer.write(values)
        writer.close()
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(image).reshape(shape), values)
