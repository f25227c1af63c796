"""Large PNG files decoded some rows at a time, so that the picture is never whole in memory.

Pillow decodes a picture at once, with 4 bytes for each pixel. Here the compressed stream is
unpacked piece by piece, and the rows of a band are put into a PNG of their own, below the last row
before them, which their filters may refer to. Pillow decodes that.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from PIL import Image

from paddle_ann.datasets.images import ImageError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG's number of the kind of colour
_LIMIT = 1 << 16  # bytes that are read, or kept of a palette, at once


class Layout(NamedTuple):
    """Where things are in a PNG file.

    Attributes:
        width: pixels of a row.
        height: rows.
        color: PNG's number of the kind of colour.
        tables: PLTE and tRNS, if they are there.
        data: position and length of each piece of the compressed stream.
    """

    width: int
    height: int
    color: int
    tables: list[tuple[bytes, bytes]]
    data: list[tuple[int, int]]


def survey(file: IO[bytes]) -> Layout | None:
    """Walk through a file's chunks.

    Returns:
        None if it cannot be decoded in bands: it is no PNG, damaged, interlaced, animated, turned
        by EXIF data, or its samples have not 8 bits.
    """
    file.seek(0)
    if file.read(8) != SIGNATURE:
        return None
    layout: Layout | None = None
    while True:
        head = file.read(8)
        if len(head) < 8:
            return None
        length, kind = struct.unpack(">I4s", head)
        place = file.tell()
        if kind == b"IHDR" and length == 13:
            width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", file.read(13))
            if depth != 8 or interlaced or color not in _SAMPLES:
                return None
            layout = Layout(width, height, color, [], [])
        elif kind in (b"eXIf", b"acTL") or layout is None:
            return None
        elif kind in (b"PLTE", b"tRNS") and length < _LIMIT:
            layout.tables.append((kind, file.read(length)))
        elif kind == b"IDAT":
            layout.data.append((place, length))
        elif kind == b"IEND":
            return layout if layout.data else None
        file.seek(place + length + 4)


def bands(file: IO[bytes], layout: Layout, rows: int, name: str) -> Iterator[Image.Image]:
    """Decode the rows, from top to bottom.

    Args:
        file: the PNG.
        layout: as `survey` tells.
        rows: of a band; the last may have fewer.
        name: what to call the picture in a message.

    Raises:
        ImageError: 'damaged'.
    """
    step = layout.width * _SAMPLES[layout.color]
    lines = _unpack(file, layout.data, step + 1, rows, layout.height)
    before = b""  # the last row of the band above, with its filter: none
    try:
        for content in lines:
            above = 1 if before else 0
            whole = _decode(layout, before + content, above + len(content) // (step + 1))
            band = whole.crop((0, above, *whole.size))
            before = b"\0" + whole.crop((0, whole.height - 1, *whole.size)).tobytes()
            yield band
    except (ValueError, OSError, SyntaxError, zlib.error, struct.error) as error:
        raise ImageError(
            "damaged",
            f"{name} is damaged or truncated ({error}). Copy it again from its source.",
        ) from None


def _unpack(
    file: IO[bytes], data: Sequence[tuple[int, int]], line: int, rows: int, height: int
) -> Iterator[bytes]:
    """Yield the unpacked lines of each band, at most that many bytes and one piece in memory."""
    inflate, content, left = zlib.decompressobj(), bytearray(), height
    for piece in _pieces(file, data):
        while left:  # also without more input, for what is still held back
            wanted = line * min(rows, left)
            content += inflate.decompress(piece, wanted - len(content))
            piece = inflate.unconsumed_tail
            if len(content) < wanted:
                break
            yield bytes(content)
            left -= min(rows, left)
            content.clear()
    if left:
        raise ValueError(f"{left} of its rows are missing")


def _pieces(file: IO[bytes], data: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    for place, length in data:
        for first in range(0, length, _LIMIT):
            file.seek(place + first)
            yield file.read(min(_LIMIT, length - first))


def _decode(layout: Layout, lines: bytes, height: int) -> Image.Image:
    header = struct.pack(">IIBBBBB", layout.width, height, 8, layout.color, 0, 0, 0)
    chunks = [(b"IHDR", header), *layout.tables, (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b"")]
    content = io.BytesIO(SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks))
    image = Image.open(content, "r", ("PNG",))
    image.load()
    return image


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )
