"""Attention of images as files: a page to explore, a picture of some points, the arrays."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from paddle import nn

from paddle_ann.checkpoint.files import replacing
from paddle_ann.datasets.audit.scan import Progress
from paddle_ann.datasets.images import read_untrusted
from paddle_ann.paths import check_folder
from paddle_ann.visualize.attending import Attention, Observation, check_points, observe
from paddle_ann.visualize.drawing import draw_attention
from paddle_ann.visualize.explorer import explorer_page
from paddle_ann.visualize.preparing import Prepared, prepare

__all__ = ["FORMATS", "write_attention"]

AnyPath = os.PathLike[str]


class Seen(NamedTuple):
    """All that the files show of one image; `places` are the points as pixels of the picture."""

    name: str
    prepared: Prepared
    observation: Observation
    found: Attention
    places: np.ndarray
    given: bool
    names: Sequence[str]
    palette: np.ndarray
    height: int


def write_attention(
    model: nn.Layer,
    images: Sequence[str | AnyPath],
    folder: str | AnyPath,
    transforms: Sequence[Any],
    names: Sequence[str],
    palette: np.ndarray,
    points: Sequence[tuple[int, int]] = (),
    formats: Sequence[str] = ("html", "png"),
    overwrite: bool = False,
    stream: TextIO | None = sys.stderr,
    height: int = 160,
) -> Iterator[Path]:
    """Runs a network over images and writes what it attends to, image by image.

    A file is the image's name with its format behind it: `a.jpg.html`, `a.jpg.png`, `a.jpg.npz`.
    The arrays are `points`, `classes`, `probabilities`, and for each block `AFNB`, the weights of
    the points (P, S), `AFNB_positions`, `AFNB_pool_sizes` and `AFNB_map`, those of all positions
    (h, w, S).

    Args:
        model: See `attention`.
        images: Files.
        folder: Where to; made if it is not there.
        transforms: See `prepare`.
        names: Class names by index.
        palette: (num_classes, 3) uint8 RGB.
        points: Pixels (x, y) of the images; of none given, the pictures and the arrays show five,
            the middle and the middles of the quarters, and the page has none pinned.
        formats: Some of html, png, npz.
        overwrite: Replace files that are there.
        stream: Where progress goes; None for nowhere.
        height: Of one panel of the pictures, in pixels.

    Returns:
        The files, each as soon as it is written: the work is done while this is iterated over.

    Raises:
        FileExistsError: A file is there already, or the folder is one.
        FileNotFoundError: An image is missing.
        ValueError: A format is unknown or two images have one name; and, while they are gone
            through, if an image cannot be read or a point lies outside it.
    """
    if unknown := [kind for kind in formats if kind not in FORMATS] or not formats:
        raise ValueError(f"formats must be some of {', '.join(FORMATS)}; received {unknown}.")
    targets = _targets(images, Path(folder), formats, overwrite)
    return _write(model, targets, transforms, names, palette, points, stream, height)


def _targets(
    images: Sequence[str | AnyPath], folder: Path, formats: Sequence[str], overwrite: bool
) -> dict[Path, dict[str, Path]]:
    """Says where each image's files go, or raises if they cannot."""
    check_folder(folder, "The folder")
    by_name: dict[str, Path] = {}
    for image in map(Path, images):
        if not os.path.isfile(image):
            raise FileNotFoundError(f"The image {image} does not exist.")
        if by_name.setdefault(image.name, image) != image:
            raise ValueError(
                f"{by_name[image.name]} and {image} have the same name, and so would their files. "
                "Write them to different folders."
            )
    targets = {
        image: {kind: folder / f"{name}.{kind}" for kind in formats}
        for name, image in by_name.items()
    }
    for path in (path for paths in targets.values() for path in paths.values()):
        if os.path.lexists(path) and not overwrite:
            raise FileExistsError(
                f"{path} exists, and nothing is overwritten: give another folder, or "
                "overwrite=True (--overwrite)."
            )
    return targets


def _write(
    model: nn.Layer,
    targets: dict[Path, dict[str, Path]],
    transforms: Sequence[Any],
    names: Sequence[str],
    palette: np.ndarray,
    points: Sequence[tuple[int, int]],
    stream: TextIO | None,
    height: int,
) -> Iterator[Path]:
    progress = Progress("explored", len(targets), stream)
    for image, paths in targets.items():
        rgb = read_untrusted(image)
        rows, columns = rgb.shape[:2]
        try:
            places = check_points(points or _five(columns, rows), columns, rows)
        except ValueError as error:
            raise ValueError(f"{image}: {error}") from None
        prepared = prepare(rgb, transforms)
        observation = observe(model, prepared.image)
        found = observation.at(prepared.points_in_image(places))
        shown = (image.name, prepared, observation, found, places, bool(points))
        seen = Seen(*shown, names, palette, height)
        for kind, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as part:
                FORMATS[kind](seen, part)
            progress.end()
            yield path
        progress.step()
    progress.end()


def _five(width: int, height: int) -> list[tuple[int, int]]:
    xs, ys = (width // 4, 3 * width // 4), (height // 4, 3 * height // 4)
    return [(width // 2, height // 2), *((x, y) for y in ys for x in xs)]


def _write_page(seen: Seen, path: Path) -> None:
    pins = seen.places.tolist() if seen.given else ()
    page = explorer_page(seen.name, seen.prepared, seen.observation, seen.names, seen.palette, pins)
    path.write_text(page, encoding="utf-8")


def _write_picture(seen: Seen, path: Path) -> None:
    arguments = (seen.prepared.picture, seen.observation, seen.found, seen.places, seen.names)
    picture = draw_attention(*arguments, seen.height)
    with path.open("wb") as file:
        picture.save(file, "PNG", optimize=True)


def _write_arrays(seen: Seen, path: Path) -> None:
    found = seen.found
    arrays = {
        "points": seen.places,
        "classes": found.classes,
        "probabilities": found.probabilities,
    }
    for block, whole in zip(found.blocks.values(), seen.observation.blocks):
        arrays[block.name] = block.weights
        arrays[f"{block.name}_positions"] = block.positions
        arrays[f"{block.name}_pool_sizes"] = np.array(block.pool_sizes)
        arrays[f"{block.name}_map"] = whole.weights
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


FORMATS: dict[str, Callable[[Seen, Path], None]] = {
    "html": _write_page,
    "png": _write_picture,
    "npz": _write_arrays,
}
