"""A small picture of a sample for the page: the image, and beside it the image under its mask."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from paddle_ann.datasets import images
from paddle_ann.datasets.audit.plan import voc_palette
from paddle_ann.datasets.check_files import ONE_CHANNEL

_WIDTH, _HEIGHT = 220, 150
_OUTSIDE = (255, 0, 255)
_EMPTY = (232, 232, 232)
_MASK_SHARE = 0.55


def thumbnail(
    image_path: str,
    mask_path: str | None,
    num_classes: int,
    ignore_index: int = 255,
    table: Sequence[int] | None = None,
    max_pixels: int | None = None,
    other: str = "",
) -> str:
    """Draws a sample, or an image and its copy; a file that cannot be read is left grey.

    Args:
        image_path: Image file.
        mask_path: Mask file, or None. Ids get VOC's colours; those that are no class are magenta,
            and where pixels are ignored the image shows.
        num_classes: Ids that are classes.
        ignore_index: The ignored id.
        table: What the data set class makes of values.
        max_pixels: See `images.pixel_limit`.
        other: An image to show in the mask's place.

    Returns:
        A data URL of a JPEG.
    """
    image = _small(image_path, max_pixels, "RGB")
    mask = _small(other, max_pixels, "RGB") if other else _small(mask_path, max_pixels, None)
    size = next((picture.size for picture in (image, mask) if picture), (_WIDTH, _HEIGHT))
    left = image.convert("RGB").resize(size) if image else Image.new("RGB", size, _EMPTY)
    right = Image.new("RGB", size, _EMPTY)
    if other:
        right = mask.resize(size) if mask else right
    elif mask:
        mask = mask.resize(size, Image.Resampling.NEAREST)
        right = _overlay(left, mask, num_classes, ignore_index, table)
    sheet = Image.new("RGB", (2 * size[0] + 4, size[1]), "white")
    sheet.paste(left, (0, 0))
    sheet.paste(right, (size[0] + 4, 0))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=75)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _small(path: str | None, max_pixels: int | None, mode: str | None) -> Image.Image | None:
    if path is None:
        return None
    try:
        if mode is not None:
            picture = Image.fromarray(images.read_untrusted(path, max_pixels))
        else:
            with images.open_image(path, max_pixels) as file:
                picture = images.pixels(file, path).copy()
    except (OSError, ValueError):
        return None
    scale = min(_WIDTH / picture.width, _HEIGHT / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.NEAREST if mode is None else Image.Resampling.BOX)


def _overlay(
    image: Image.Image,
    mask: Image.Image,
    num_classes: int,
    ignore_index: int,
    table: Sequence[int] | None,
) -> Image.Image:
    if mask.mode not in ONE_CHANNEL:
        return Image.blend(image, mask.convert("RGB"), _MASK_SHARE)
    ids = np.asarray(mask).astype(np.int64)
    if table is not None:
        ids = np.where(ids < len(table), np.asarray(table)[np.clip(ids, 0, len(table) - 1)], ids)
    colors = np.asarray(voc_palette())[np.clip(ids, 0, 255)]
    colors[((ids < 0) | (ids >= num_classes)) & (ids != ignore_index)] = _OUTSIDE
    pixels = np.asarray(image, np.float64)
    mixed = pixels + (colors - pixels) * _MASK_SHARE
    mixed[ids == ignore_index] = pixels[ids == ignore_index]
    return Image.fromarray(mixed.round().astype(np.uint8))
