"""One pair: a cut JPEG is met at an eighth of its size just as at full size."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from paddle_ann.datasets.audit.sample import count_values, examine
from tests.datasets.audit import tree


@pytest.mark.parametrize("progressive", [False, True])
def test_draft_mode_detects_every_cut_that_full_decoding_detects(tmp_path, progressive):
    rng = np.random.default_rng(0)
    whole, cut = tmp_path / "a.jpg", tmp_path / "cut.jpg"
    picture = Image.fromarray(rng.integers(0, 256, (293, 401, 3), np.uint8))
    picture.save(whole, quality=90, progressive=progressive)
    content = whole.read_bytes()
    assert examine(str(whole), None).problems == ()
    outcomes = []
    for share in (0.01, 0.1, 0.3, 0.5, 0.8, 0.95, 0.99, 0.999, 1.0):
        cut.write_bytes(content[: int(share * len(content))])
        try:
            with Image.open(cut) as file:
                file.load()
            full = True
        except (OSError, SyntaxError):
            full = False
        outcomes.append(full)
        assert (examine(str(cut), None).problems == ()) == full, share
    assert outcomes.count(False) >= 7 and outcomes[-1]


# In the pixels; in the check sum before the last chunk, which decoding does not look at.
@pytest.mark.parametrize(("chunk", "offset"), [(b"IDAT", 30), (b"IEND", -5)])
def test_flipped_bit_in_a_png_is_found(tmp_path, chunk, offset):
    for name, array in (("a.png", tree.picture(1)), ("b.png", tree.mask(1))):
        Image.fromarray(array).save(tmp_path / name)
        content = bytearray((tmp_path / name).read_bytes())
        content[content.index(chunk) + offset] ^= 4
        (tmp_path / name).write_bytes(content)
    facts = examine(str(tmp_path / "a.png"), str(tmp_path / "b.png"))
    assert [(kind, role) for kind, role, _ in facts.problems] == [
        ("damaged", "image"),
        ("damaged", "mask"),
    ]


@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16", "I"])
def test_values_are_counted_as_paddleseg_reads_them(tmp_path, mode):
    from paddle_ann.compat.reading import read_label

    array = tree.mask(1, ids=(0, 1)) if mode == "1" else tree.mask(1)
    picture = Image.fromarray(
        array.astype({"I;16": "uint16", "I": "int32", "1": bool}.get(mode, "uint8"))
    )
    if mode == "P":
        picture.putpalette(list(range(256)) * 3)
    path = tmp_path / "a.tif"
    picture.save(path)
    label = read_label(str(path))
    values, counts = np.unique(label, return_counts=True)
    with Image.open(path) as file:
        assert file.mode == mode
        assert count_values(file) == dict(zip(values.tolist(), counts.tolist()))
    assert label.dtype in (np.uint8, np.int32)


def test_reduced_images_are_told(tmp_path):
    deep, clear = tmp_path / "deep.png", tmp_path / "clear.png"
    Image.fromarray(np.full((5, 7), 300, np.uint16)).save(deep)
    Image.fromarray(np.zeros((5, 7, 4), np.uint8)).save(clear)
    assert [examine(str(p), None).problems[0][0] for p in (deep, clear)] == ["reduced-image"] * 2


def test_tiff_that_pillow_does_not_know(tmp_path):
    import cv2

    path = str(tmp_path / "deep.tif")
    cv2.imwrite(path, np.random.default_rng(0).normal(0, 9, (41, 53, 3)).astype(np.float32))
    facts = examine(path, None)
    assert [kind for kind, *_ in facts.problems] == ["reduced-image"] and len(facts.look) == 32
    assert [kind for kind, *_ in examine(path, None, max_pixels=100).problems] == ["too-large"]


def test_gif_is_a_mask_but_no_image(tmp_path):
    path = str(tmp_path / "a.gif")
    Image.fromarray(tree.mask(1)).save(path)
    found = examine(path, path).problems
    assert [(kind, role) for kind, role, _ in found] == [("unreadable", "image")]


def test_a_name_that_is_no_utf_8_is_reported(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    Image.fromarray(tree.picture(1)).save(path)
    ((kind, role, detail),) = examine(path, None).problems
    assert (kind, role) == ("unreadable", "image") and "not in UTF-8" in detail
