"""Files that should be images or masks: of any mode, size, format and content, whole or not."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz.mutations import spoilt_bytes

MODES = ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I", "I;16", "F", "YCbCr")
FORMATS = ("PNG", "PNG", "TIFF", "JPEG", "BMP", "GIF", "WEBP", "PPM", "JPEG2000", "ICO", "TGA")
SIZES = st.sampled_from([(41, 37), (41, 37), (41, 37), (37, 41), (1, 1), (1, 97), (3000, 1)])
_WIDE = {"I": np.int32, "I;16": np.uint16, "F": np.float32}


def _picture(draw: st.DrawFn) -> Image.Image:
    width, height = draw(SIZES)
    values = draw(st.lists(st.integers(0, 255) | st.integers(0, 20), min_size=1, max_size=5))
    pixels = np.resize(np.array(values, np.uint8), (height, width))
    mode = draw(st.sampled_from(MODES))
    if mode not in _WIDE:
        return Image.fromarray(pixels).convert(mode)
    scale = draw(st.sampled_from([1, 1, 257, -1, 1e30])) if mode == "F" else 1
    return Image.fromarray((pixels * scale).astype(_WIDE[mode]))


def _encoded(draw: st.DrawFn) -> bytes:
    picture = _picture(draw)
    options = {}
    if draw(st.integers(0, 5)) == 0:  # several frames
        options = {"save_all": True, "append_images": [picture, picture.rotate(90, expand=True)]}
    if draw(st.integers(0, 5)) == 0:
        exif = Image.Exif()
        exif[0x0112] = draw(st.integers(0, 9))
        options["exif"] = exif
    buffer = io.BytesIO()
    try:
        picture.save(buffer, draw(st.sampled_from(FORMATS)), **options)
    except Exception:  # a format that has no such mode, size or option
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@st.composite
def bombs(draw: st.DrawFn) -> bytes:
    """A PNG whose header claims any size, depth and kind, and that holds next to nothing."""
    sides = st.sampled_from([0, 1, 37, 41, 20_000, 65_536, 2**31 - 1, 2**32 - 1])
    small = st.sampled_from([0, 1, 2, 3, 4, 6, 8, 16, 255])
    header = struct.pack(">II5B", draw(sides), draw(sides), *(draw(small) for _ in range(5)))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(draw(st.binary(max_size=64))))]
    if draw(st.booleans()):
        parts.insert(1, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(100_000))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


TEXTS = st.sampled_from(
    [b"", b"\0", b"<html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"#!/bin/sh\n", b"P5 1 1"]
    + [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n", b"P6 99999 99999 255\n", b"GIF89a"]
    + [b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n", b"BM" + bytes(60)]
    + [b"II*\0\x08\0\0\0\xff\xff", b"\xff\xd8\xff\xd9", b"RIFF\x04\0\0\0WEBP", b"\x89PNG\r\n\x1a\n"]
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file; half of them are whole images."""
    how = draw(st.sampled_from(["whole", "whole", "whole", "spoilt", "spoilt", "bomb", "text"]))
    if how == "bomb":
        return draw(bombs())
    if how == "text":
        return draw(TEXTS | st.binary(max_size=64))
    content = _encoded(draw)
    return draw(spoilt_bytes(content)) if how == "spoilt" else content
