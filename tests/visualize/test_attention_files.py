"""Each image gets its files, nothing that is there is lost, and bad input is named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.transforms import Normalize, Resize
from PIL import Image

from paddle_ann.visualize import attention, prepare, write_attention
from tests.deploy.toy import make_model, picture

PALETTE = np.zeros((5, 3), np.uint8)
TRANSFORMS = [Resize((71, 53)), Normalize()]


def same_model():
    paddle.seed(3)
    return make_model()


def write(tmp_path: Path, *names: str, **options) -> list[Path]:
    images = [tmp_path / name for name in names]
    for index, image in enumerate(images):
        image.parent.mkdir(exist_ok=True)
        Image.fromarray(picture(106, 142, index)).save(image)
    options = {"stream": None, **options}
    return list(
        write_attention(same_model(), images, tmp_path / "out", TRANSFORMS, (), PALETTE, **options)
    )


def test_all_formats(tmp_path):
    points = [(3, 7), (141, 105)]
    written = write(tmp_path, "a.png", "b/a.bmp", points=points, formats=["html", "png", "npz"])
    assert [path.name for path in written] == [
        f"{name}.{kind}" for name in ("a.png", "a.bmp") for kind in ("html", "png", "npz")
    ]
    assert sorted((tmp_path / "out").iterdir()) == sorted(written)  # no drafts
    prepared = prepare(picture(106, 142, 1), TRANSFORMS)
    found = attention(same_model(), prepared.image, [(1, 3), (70, 52)])
    arrays = np.load(tmp_path / "out" / "a.bmp.npz")
    assert arrays["points"].tolist() == [list(point) for point in points]
    np.testing.assert_array_equal(arrays["classes"], found.classes)
    np.testing.assert_allclose(arrays["AFNB"], found.blocks["AFNB"].weights, rtol=1e-5)
    assert arrays["APNB_map"].shape == (7, 9, 110)
    assert arrays["APNB_pool_sizes"].tolist() == [1, 3, 6, 8]
    x, y = arrays["APNB_positions"][1]
    np.testing.assert_array_equal(arrays["APNB_map"][y, x], arrays["APNB"][1])
    assert "a.bmp" in written[3].read_text("utf-8")
    with Image.open(written[1]) as sheet:
        assert sheet.width > 9 * 160


def test_five_points_without_points(tmp_path):
    page, arrays = write(tmp_path, "a.png", formats=["html", "npz"])
    assert np.load(arrays)["points"].tolist() == [
        [71, 53],
        [35, 26],
        [106, 26],
        [35, 79],
        [106, 79],
    ]
    assert re.search('"points": \\[\\]', page.read_text("utf-8"))


def test_nothing_is_overwritten_unasked(tmp_path):
    (page,) = write(tmp_path, "a.png", formats=["html"])
    page.write_text("mine")
    with pytest.raises(FileExistsError, match="a.png.html exists, and nothing is overwritten"):
        write(tmp_path, "a.png", formats=["npz", "html"])
    assert page.read_text() == "mine" and len(list(page.parent.iterdir())) == 1
    write(tmp_path, "a.png", formats=["html"], overwrite=True)
    assert page.read_text("utf-8") != "mine"


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"formats must be some of html, png, npz; .*'gif'"):
        write(tmp_path, "a.png", formats=["png", "gif"])
    with pytest.raises(ValueError, match="a.png have the same name"):
        write(tmp_path, "a.png", "b/a.png")
    with pytest.raises(ValueError, match=r"a.png: The point \(142, 0\) lies outside"):
        write(tmp_path, "a.png", points=[(142, 0)])
    with pytest.raises(FileNotFoundError, match="nothing.png does not exist"):
        write_attention(make_model(), [tmp_path / "nothing.png"], tmp_path, TRANSFORMS, (), PALETTE)
    assert not (tmp_path / "out").exists()
