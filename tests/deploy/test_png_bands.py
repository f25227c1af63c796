"""PNG decoded some rows at a time gives what Pillow gives at once."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from paddle_ann.datasets.images import ImageError, rgb_array
from paddle_ann.deploy import reading
from paddle_ann.deploy.png_bands import SIGNATURE, bands, survey
from tests.deploy.toy import picture

HEIGHT, WIDTH = 23, 31


def encode(image: Image.Image, piece: int = 7, **options) -> bytes:
    """A PNG whose compressed stream lies in pieces of a few bytes, with a comment between."""
    whole = io.BytesIO()
    image.save(whole, "PNG", **options)
    content, place, stream, before = whole.getvalue(), 8, b"", []
    while place < len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        data = content[place + 8 : place + 8 + length]
        if kind == b"IDAT":
            stream += data
        elif kind != b"IEND":
            before.append((kind, data))
        place += length + 12
    pieces = [(b"IDAT", stream[i : i + piece]) for i in range(0, len(stream), piece)]
    chunks = [*before, pieces[0], (b"IDAT", b""), *pieces[1:], (b"IEND", b"")]
    return SIGNATURE + b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    )


def decode(content: bytes, rows: int) -> np.ndarray:
    file = io.BytesIO(content)
    layout = survey(file)
    parts = [rgb_array(band) for band in bands(file, layout, rows, "it")]
    assert all(len(part) == rows for part in parts[:-1])
    return np.concatenate(parts)


@pytest.mark.parametrize("rows", [1, 5, 23, 256])
@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
def test_bands_are_the_picture(mode, rows):
    noisy = picture(HEIGHT, WIDTH) + np.random.RandomState(0).randint(0, 9, (HEIGHT, WIDTH, 3))
    image = Image.fromarray(noisy.astype(np.uint8)).convert(mode)
    if mode == "RGBA":
        image.putalpha(image.getchannel(0))
    options = {"transparency": 3} if mode == "P" else {}
    content = encode(image, **options)
    with Image.open(io.BytesIO(content)) as whole:
        expected = rgb_array(whole)
    assert np.array_equal(decode(content, rows), expected)


@pytest.mark.parametrize("kind", range(5))
def test_every_filter_refers_to_the_band_above(kind):
    """Lines of one filter each, of random bytes: what they stand for, only Pillow tells."""
    lines = np.random.RandomState(kind).randint(0, 256, (HEIGHT, WIDTH * 3 + 1)).astype(np.uint8)
    lines[:, 0] = kind
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b"")]
    content = SIGNATURE + b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    )
    with Image.open(io.BytesIO(content)) as whole:
        expected = rgb_array(whole)
    assert np.array_equal(decode(content, 5), expected)


def test_rows_that_compress_to_nothing_come_all():
    image = Image.new("RGB", (3, 997), (7, 7, 7))
    assert np.array_equal(decode(encode(image, piece=1000), 2), rgb_array(image))


def test_what_cannot_be_decoded_in_bands_is_left_to_pillow():
    image = Image.fromarray(picture(HEIGHT, WIDTH))
    exif = Image.Exif()
    exif[0x0112] = 6
    contents = [
        encode(image.convert("1")),
        encode(Image.fromarray(np.zeros((5, 7), np.uint16))),
        encode(image, exif=exif),
        b"GIF89a",
        b"",
        encode(image)[:50],
        encode(image)[:-12],
        SIGNATURE + encode(image)[33:],  # no header
    ]
    assert [survey(io.BytesIO(content)) for content in contents] == [None] * len(contents)
    interlaced = bytearray(encode(image))
    interlaced[28] = 1
    assert survey(io.BytesIO(interlaced)) is None


def test_a_damaged_stream_is_named(tmp_path):
    content = bytearray(encode(Image.fromarray(picture(HEIGHT, WIDTH)), piece=10000))
    start = content.index(b"IDAT")
    content[start + 200 : start + 210] = b"\0" * 10
    with pytest.raises(ImageError, match="^it is damaged or truncated"):
        decode(bytes(content), 5)
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match="a.png is damaged"):
        reading.open_rows(tmp_path / "a.png", large=1)
    short = encode(Image.fromarray(picture(HEIGHT, WIDTH)), piece=10000)
    short = short.replace(struct.pack(">II", WIDTH, HEIGHT), struct.pack(">II", WIDTH, 2 * HEIGHT))
    with pytest.raises(ImageError, match=f"{HEIGHT} of its rows are missing|bytes|truncated"):
        decode(short, HEIGHT)


def test_a_large_png_is_never_whole_in_memory(tmp_path, monkeypatch):
    image = Image.fromarray(picture(HEIGHT, WIDTH))
    image.save(tmp_path / "a.png")
    monkeypatch.setattr(reading, "upright", None)  # which decodes at once
    monkeypatch.setattr(reading, "_ROWS", 5)
    rows = reading.open_rows(tmp_path / "a.png", large=1)
    assert isinstance(rows, reading.RowFile) and rows.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(rows[3:19], rgb_array(image)[3:19])
