"""The pictures that a predictor is given: files, arrays, images of Pillow's; whole, or by rows."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np
from PIL import Image

from paddle_ann.datasets.images import open_image, read_untrusted, rgb_array, upright
from paddle_ann.deploy import png_bands
from paddle_ann.deploy.runner.files import check_image
from paddle_ann.deploy.runner.prepare import Trace

LARGE = 1 << 25  # pixels, 100 MB as RGB, above which a decoded file is kept on the disk
_ROWS = 256  # of a large file that are converted together


class Prepared(NamedTuple):
    """A picture that is ready for the network.

    Attributes:
        source: what was given.
        rows: the picture, (H, W, 3) uint8 RGB; with tiles something that gives slices of rows.
        image: (3, H', W') float32 as the network takes it; with tiles nothing.
        trace: how it was prepared.
    """

    source: Any
    rows: Any
    image: np.ndarray
    trace: Trace


def read(image: Any) -> np.ndarray:
    """Return a picture as (H, W, 3) uint8 RGB.

    Args:
        image: a path, an array of that form, or an image of Pillow's. The EXIF orientation is
            obeyed as OpenCV, PaddleSeg's reader, does: in JPEG, PNG and TIFF.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if it cannot be read, or is no picture.
    """
    if isinstance(image, (str, os.PathLike)):
        check_exists(image)
        return read_untrusted(image)
    if isinstance(image, Image.Image):
        return rgb_array(upright(image, "the image"))
    return check_image(image)


def check_exists(path: str | os.PathLike[str]) -> None:
    """Raise FileNotFoundError unless there is such a file."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f"The image {path} does not exist.")


def open_rows(image: Any, large: int = LARGE) -> Any:
    """Return a picture of which rows can be taken, (H, W, 3) uint8 RGB, with little memory.

    A large file is decoded once and then kept in a temporary file (3 bytes a pixel) that has no
    name and is gone when the process ends. A PNG is decoded some rows at a time (`png_bands`);
    what that cannot do, and other formats, Pillow decodes at once, with 4 bytes for each pixel. Of
    an array, rows are taken as they are: `np.load(path, mmap_mode="r")` is good.

    Args:
        image: as `read` takes it.
        large: pixels above which a file goes to the disk.

    Returns:
        Something with `shape` that gives an array for a slice of rows.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if it cannot be read, or is no picture.
    """
    if not isinstance(image, (str, os.PathLike)):
        return read(image)
    check_exists(image)
    with open_image(image) as opened:
        if opened.width * opened.height <= large:
            return rgb_array(upright(opened, str(image)))
        if opened.format == "PNG":
            with open(image, "rb") as file:
                layout = png_bands.survey(file)
                if layout is not None:
                    return _spool(png_bands.bands(file, layout, _ROWS, str(image)))
        return _spool(_crops(upright(opened, str(image))))


class RowFile:
    """Rows of a picture in a file, which is closed when nothing needs them any more.

    Args:
        file: holds the pixels, row by row, as RGB.
        shape: (H, W, 3).
    """

    def __init__(self, file: IO[bytes], shape: tuple[int, int, int]) -> None:
        self._file, self.shape = file, shape
        weakref.finalize(self, file.close)

    def __getitem__(self, rows: slice) -> np.ndarray:
        first, end, _ = rows.indices(self.shape[0])
        width = self.shape[1] * 3
        self._file.seek(first * width)
        content = self._file.read((end - first) * width)
        return np.frombuffer(content, np.uint8).reshape(end - first, *self.shape[1:])


def _spool(bands: Iterable[Image.Image]) -> RowFile:
    file, height, width = tempfile.TemporaryFile(), 0, 0
    for band in bands:
        file.write(rgb_array(band).tobytes())
        height, width = height + band.height, band.width
    return RowFile(file, (height, width, 3))


def _crops(image: Image.Image) -> Iterator[Image.Image]:
    for top in range(0, image.height, _ROWS):
        yield image.crop((0, top, image.width, min(top + _ROWS, image.height)))
