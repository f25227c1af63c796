"""PNG files written row by row, so that a picture need not be whole in memory."""

from __future__ import annotations

import struct
import zlib
from typing import IO

import numpy as np

_LEVEL = 4  # of zlib: half the time of its default, files some percent larger
_COLORS = {"L": 0, "RGB": 2, "P": 3}  # PNG's numbers for grey, colours, palette


class PngRows:
    """Writes one picture; give it all rows, then `close` it.

    Args:
        file: open for writing bytes; it stays open.
        width: pixels of a row.
        height: rows.
        mode: "L" (grey), "RGB" or "P" (with a palette).
        palette: (up to 256, 3) uint8, for "P".

    Raises:
        ValueError: if the palette has too many colours.
    """

    def __init__(
        self,
        file: IO[bytes],
        width: int,
        height: int,
        mode: str,
        palette: np.ndarray | None = None,
    ) -> None:
        self._file, self._mode, self._left = file, mode, height
        self._packer = zlib.compressobj(_LEVEL)
        file.write(b"\x89PNG\r\n\x1a\n")
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _COLORS[mode], 0, 0, 0))
        if palette is not None:
            if len(palette) > 256:
                raise ValueError(
                    f"A PNG with a palette holds 256 classes at most; there are {len(palette)}."
                )
            self._chunk(b"PLTE", np.asarray(palette, np.uint8).tobytes())

    def write(self, rows: np.ndarray) -> None:
        """Append rows: (h, W) uint8, or (h, W, 3) for "RGB"."""
        values = np.asarray(rows, np.uint8).reshape(len(rows), -1)
        step = 3 if self._mode == "RGB" else 1
        lines = np.empty((len(values), values.shape[1] + 1), np.uint8)
        lines[:, 0] = self._mode != "P"  # the filter: each value less the one to its left, or none
        lines[:, 1:] = values
        if self._mode != "P":
            lines[:, 1 + step :] -= values[:, :-step]
        self._chunk(b"IDAT", self._packer.compress(lines.tobytes()))
        self._left -= len(rows)

    def close(self) -> None:
        """Write the end.

        Raises:
            ValueError: if there were not as many rows as announced.
        """
        if self._left:
            raise ValueError(f"{self._left} rows are missing from the picture.")
        self._chunk(b"IDAT", self._packer.flush())
        self._chunk(b"IEND", b"")

    def _chunk(self, kind: bytes, content: bytes) -> None:
        if content or kind == b"IEND":
            check = struct.pack(">I", zlib.crc32(kind + content))
            self._file.write(struct.pack(">I", len(content)) + kind + content + check)
