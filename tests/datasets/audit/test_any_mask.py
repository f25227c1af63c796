"""Whatever the mask file holds, the outcome is success or a finding by name; never a traceback.

And the audit agrees with the checks at train start: what it calls clean, they let through.
"""

from __future__ import annotations

import io
import itertools
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from paddle_ann.datasets.audit.findings import BREAKS, KINDS
from paddle_ann.datasets.audit.mend import mend
from paddle_ann.datasets.audit.page import page
from paddle_ann.datasets.audit.plan import Plan, Split, voc_palette
from paddle_ann.datasets.audit.report import check
from paddle_ann.datasets.check_files import check_pair

SIZE = (5, 7)
MODES = ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I", "I;16", "F", "PA")
FORMATS = ("PNG", "TIFF", "JPEG", "BMP", "GIF", "WEBP", "PPM")
COUNT = itertools.count()


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as path:
        rng = np.random.default_rng(0)
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).save(Path(path, "a.png"))
        yield Path(path)


@st.composite
def masks(draw) -> bytes:
    """A mask of any mode, size, format and values; whole, cut or spoilt."""
    values = draw(st.lists(st.integers(0, 255), min_size=1, max_size=5))
    height, width = draw(st.sampled_from([SIZE, SIZE, SIZE, (7, 5), (1, 1)]))
    mode = draw(st.sampled_from(MODES))
    pixels = np.resize(np.array(values, np.uint8), (height, width))
    wide = {"I": np.int32, "I;16": np.uint16, "F": np.float32}
    if mode in wide:
        picture = Image.fromarray((pixels * draw(st.sampled_from([1, 257]))).astype(wide[mode]))
    elif mode == "PA":
        picture = Image.fromarray(pixels).convert("LA").convert("PA")
    else:
        picture = Image.fromarray(pixels).convert(mode)
    buffer = io.BytesIO()
    try:
        picture.save(buffer, draw(st.sampled_from(FORMATS)))
    except (OSError, ValueError, KeyError):  # a format that has no such mode
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    harm = draw(st.sampled_from(["none", "none", "cut", "bits", "junk"]))
    if harm == "cut":
        del content[draw(st.integers(0, len(content))) :]
    elif harm == "bits":
        for _ in range(3):
            content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
    elif harm == "junk":
        content = bytearray(draw(st.binary(max_size=64)))
    return bytes(content)


@settings(max_examples=200, deadline=None)
@given(content=masks(), num_classes=st.integers(1, 30), ignore_index=st.sampled_from([255, 0, 7]))
def test_any_mask(folder, content, num_classes, ignore_index):
    number = next(COUNT)
    path = folder / f"{number}.png"
    path.write_bytes(content)
    pair = str(folder / "a.png"), str(path)
    plan = Plan([Split("train", [pair])], num_classes, ignore_index, palettes=(voc_palette(),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about odd metadata
        report = check(plan, max_pixels=10**6)
        assert {finding.kind for finding in report.findings} <= set(KINDS)
        assert "<img" in page(report, 10**6) or not report.findings or _no_picture(report)
        breaks = any(finding.level == BREAKS for finding in report.findings)
        try:
            check_pair(*pair, num_classes, ignore_index)
        except ValueError:
            assert breaks
        else:
            assert not breaks
        try:
            mend(report, folder / f"{number}", 10**6)
        except ValueError as error:
            assert "No pair can be mended" in str(error)
        else:
            copy = folder / f"{number}/train"
            written = str(copy / "images/a.png"), str(copy / "masks/a.png")
            check_pair(*written, num_classes, ignore_index)  # which raises if it is wrong


def _no_picture(report) -> bool:
    """Whether only classes were found absent, which have no picture."""
    return {finding.kind for finding in report.findings} <= {"absent-class"}
