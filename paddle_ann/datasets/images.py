"""Opening image files that may be broken, huge or hostile: by Pillow, capped, and never silently.

PaddleSeg decodes with the OpenCV of its pin (at most 4.6.0), whose decoders are years old. What
comes from outside is decoded here instead, with the installed Pillow and a short list of formats;
before anything is decoded, the size in the header is held against a limit.
"""

from __future__ import annotations

import io
import os
from typing import IO, Any, Union

import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

__all__ = ["DEFAULT_MAX_PIXELS", "FORMATS", "ImageError", "open_image", "pixels", "read_untrusted"]

Source = Union[str, "os.PathLike[str]", bytes, IO[bytes]]

# Those OpenCV reads too, and GIF, which occurs as a mask. Not EPS: Pillow runs Ghostscript for it.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM", "GIF", "JPEG2000")
LIMIT_VARIABLE = "PADDLE_ANN_MAX_PIXELS"
DEFAULT_MAX_PIXELS = 178_956_970  # where Pillow stops by itself: half a gigabyte as RGB

ORIENTATION_TAG = 0x0112
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_OBEYED_IN = ("JPEG", "PNG", "TIFF")  # where OpenCV looks for an orientation: not in WEBP


class ImageError(ValueError):
    """A file that cannot be used as an image.

    Attributes:
        kind: 'empty', 'unreadable' (no known image format), 'too-large' (more pixels than the
            limit) or 'damaged' (truncated, or spoiled within).
    """

    def __init__(self, kind: str, message: str) -> None:
        """Takes the kind and what to tell the user."""
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str]]:
        return ImageError, (self.kind, str(self))  # for the way home from a worker process


def pixel_limit(given: int | None = None) -> int:
    """The largest width times height that is decoded.

    Args:
        given: The limit if the caller has one, at least 1; else the environment variable
            PADDLE_ANN_MAX_PIXELS counts, else `DEFAULT_MAX_PIXELS`.

    Raises:
        ValueError: The limit is no whole number of at least 1.
    """
    source = "max_pixels" if given is not None else LIMIT_VARIABLE
    value = given if given is not None else os.environ.get(source, str(DEFAULT_MAX_PIXELS))
    try:
        limit = int(value)
    except (TypeError, ValueError):
        limit = 0
    if limit < 1:
        raise ValueError(f"{source} is {value!r}; it must be a whole number of pixels, at least 1.")
    return limit


def open_image(source: Source, max_pixels: int | None = None) -> Image.Image:
    """Opens an image and reads its header; no pixel is decoded yet.

    A limit above Pillow's own raises Pillow's for this process too, for otherwise it would stop
    first.

    Args:
        source: Path, content, or binary file open at its beginning.
        max_pixels: See `pixel_limit`.

    Returns:
        Pillow's image; close it, or use it in a `with`.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: Empty, of no known format, damaged in the header, or too large.
    """
    limit, name = pixel_limit(max_pixels), _name(source)
    if Image.MAX_IMAGE_PIXELS is not None and limit > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = (limit + 1) // 2
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        image = Image.open(file, "r", FORMATS)
    except FileNotFoundError:
        raise FileNotFoundError(f"{name} does not exist.") from None
    except Image.DecompressionBombError:
        raise too_large(name, "too many", limit) from None
    except UnidentifiedImageError:
        if _is_empty(source):
            message = f"{name} is empty (0 bytes). Copy it again from its source."
            raise ImageError("empty", message) from None
        raise ImageError(
            "unreadable",
            f"{name} cannot be read as an image. Replace it by a JPEG or PNG file.",
        ) from None
    except Exception as error:  # a hostile header can make a decoder raise anything
        if isinstance(error, OSError) and error.errno:
            message = f"{name} cannot be opened ({error.strerror}). Check its rights."
            raise ImageError("unreadable", message) from None
        raise _damaged(name, error) from None
    if image.width * image.height > limit:
        with image:
            raise too_large(name, f"{image.width}x{image.height}", limit)
    return image


def pixels(image: Image.Image, name: str) -> Image.Image:
    """Decodes all pixels of an opened image, in place.

    Args:
        image: From `open_image`.
        name: What to call it in a message.

    Raises:
        ImageError: 'damaged'.
    """
    try:
        image.load()
    except Exception as error:
        raise _damaged(name, error) from None
    return image


def check_sums(source: Source, max_pixels: int | None = None) -> None:
    """Raises an `ImageError` if a PNG's check sum is wrong; decoding misses some of that."""
    with open_image(source, max_pixels) as image:
        try:
            if image.format == "PNG":
                _check_png_end(image)
                image.verify()
        except Exception as error:
            raise _damaged(_name(source), error) from None


def _check_png_end(image: Any) -> None:
    """Raises a ValueError unless the last chunk is whole: libpng insists on it, Pillow does not."""
    file = image.fp
    file.seek(8)  # behind the signature
    while True:
        header = file.read(8)
        if len(header) < 8:
            raise ValueError("it ends before its last chunk")
        if header[4:] == b"IEND":
            break
        file.seek(int.from_bytes(header[:4], "big") + 4, os.SEEK_CUR)
    if header[:4] + file.read(4) != b"\0\0\0\0\xaeB`\x82":
        raise ValueError("the check sum of its last chunk is wrong")


def seen_size(image: Image.Image) -> tuple[int, int]:
    """Width and height after the EXIF orientation, which OpenCV obeys and Pillow does not."""
    width, height = image.size
    try:
        turned = image.format in _OBEYED_IN and image.getexif().get(ORIENTATION_TAG) in _TURNED
        if image.format == "TIFF":  # some versions of Pillow turn its size, others do not
            tags = image.tag_v2  # type: ignore[attr-defined]
            width, height = tags[TiffImagePlugin.IMAGEWIDTH], tags[TiffImagePlugin.IMAGELENGTH]
    except Exception:  # OpenCV ignores EXIF data that it cannot read
        turned = False
    return (height, width) if turned else (width, height)


def read_untrusted(source: Source, max_pixels: int | None = None) -> np.ndarray:
    """Reads an image from outside, as the network would see it in training.

    Read by Pillow alone. The EXIF orientation is applied (as PaddleSeg's OpenCV does); alpha is
    dropped; 16 bits become 8 by their high byte; grey, palette and CMYK become RGB; of several
    frames the first counts; colour profiles are ignored.

    Args:
        source: Path, content, or binary file open at its beginning.
        max_pixels: See `pixel_limit`.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        FileNotFoundError: There is no such file.
        ImageError: A ValueError that names what is wrong: empty, no known format, too many pixels,
            damaged or truncated, or pixels that are no colours.
    """
    with open_image(source, max_pixels) as image:
        return rgb_array(upright(image, _name(source)))


def upright(image: Image.Image, name: str) -> Image.Image:
    """Decodes an opened image and turns it as its EXIF orientation says, where OpenCV does too.

    Args:
        image: Of Pillow's; of JPEG, PNG and TIFF files alone the orientation counts.
        name: What to call it in a message.

    Returns:
        The image itself, if there is nothing to turn.

    Raises:
        ImageError: 'damaged', or 'unreadable' if its pixels are no colours.
    """
    if image.mode == "F":
        raise ImageError("unreadable", f"{name} holds floats; give 8-bit colours.")
    pixels(image, name)
    try:
        turned = image.format in _OBEYED_IN and image.getexif().get(ORIENTATION_TAG, 1) != 1
        return ImageOps.exif_transpose(image) if turned else image
    except Exception:  # EXIF data that cannot be read counts as none
        return image


def rgb_array(image: Image.Image) -> np.ndarray:
    """Converts a decoded image to (H, W, 3) uint8 RGB, as `read_untrusted` says."""
    if image.mode.startswith("I"):
        return np.repeat(_high_byte(np.asarray(image))[..., np.newaxis], 3, axis=2)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _high_byte(values: np.ndarray) -> np.ndarray:
    return (np.clip(values, 0, 65535).astype(np.uint16) >> 8).astype(np.uint8)


def _is_empty(source: Source) -> bool:
    if isinstance(source, bytes):
        return not source
    if isinstance(source, (str, os.PathLike)):
        return os.path.getsize(source) == 0
    return source.seek(0, os.SEEK_END) == 0


def _name(source: Any) -> str:
    if isinstance(source, bytes):
        return f"the image ({len(source)} bytes)"
    if isinstance(source, (str, os.PathLike)) and str(source):
        return str(source)
    return str(getattr(source, "name", "") or "the image")


def _damaged(name: str, error: Exception) -> ImageError:
    reason = str(error) or type(error).__name__
    return ImageError(
        "damaged", f"{name} is damaged or truncated ({reason}). Copy it again from its source."
    )


def too_large(name: str, size: str, limit: int) -> ImageError:
    return ImageError(
        "too-large",
        f"{name} is {size} pixels large, and no more than {limit:,} are decoded. Make it smaller; "
        f"or, if you trust it, raise the limit by {LIMIT_VARIABLE}.",
    )
