"""A mended copy of a data set: masks with the ids that were meant, in a new folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image

from paddle_ann.datasets import images
from paddle_ann.datasets.audit.findings import Problem
from paddle_ann.datasets.audit.mapping import Mapping, apply_to_colors, apply_to_values
from paddle_ann.datasets.audit.plan import Color, Pair, Plan, Split
from paddle_ann.datasets.audit.report import Report
from paddle_ann.datasets.audit.sample import count_colors
from paddle_ann.datasets.audit.scan import Progress
from paddle_ann.datasets.check_files import ONE_CHANNEL, outside_classes
from paddle_ann.paths import check_folder

# What a mask cannot be mended of; a pair with one of these is left out of the copy.
_HOPELESS = {
    *("missing", "empty", "unreadable", "damaged", "too-large", "size-mismatch"),
    *("float-mask", "all-ignored"),
}


def check_target(target: str | Path) -> None:
    """Raises a FileExistsError or ValueError unless the folder can be made or is empty."""
    check_folder(target, "--mend")
    target = Path(target)
    if target.is_dir() and any(target.iterdir()):
        raise FileExistsError(
            f"--mend {target} exists and is not empty. Nothing was written; give a new folder."
        )


def mend(
    report: Report,
    target: str | Path,
    max_pixels: int | None = None,
    stream: TextIO | None = None,
) -> tuple[int, list[Problem]]:
    """Writes a copy with mended masks; the originals are only read.

    The copy is complete or absent: it is made beside `target` and then moved. It holds for each
    split a list, train.txt, and train/images (copied as they are) and train/masks (8-bit PNG, with
    the final ids), so that PaddleSeg's `Dataset` reads it; and mapping.json, the ids given. Pairs
    that cannot be mended are left out.

    Args:
        report: Of the check, with its mapping.
        target: A folder that does not exist, or is empty.
        max_pixels: See `images.pixel_limit`.
        stream: Where progress goes.

    Returns:
        The pairs written, and why others were left out.

    Raises:
        FileExistsError: The folder is not empty.
        ValueError: Not one pair can be mended.
        OSError: The disk is too full, before anything is written; or writing failed.
    """
    target = Path(target)
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _check_room(report.plan, target.parent)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        written, left_out = _fill(
            part, report, max_pixels, Progress("mending", report.pairs, stream)
        )
        if not written:
            raise ValueError(
                f"No pair can be mended; {target} was not made. First: {left_out[0].detail}"
            )
        os.chmod(part, 0o755)
        os.replace(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)  # ours, made above
        raise
    return written, left_out


def _fill(
    part: Path, report: Report, max_pixels: int | None, progress: Progress
) -> tuple[int, list[Problem]]:
    """Writes all pairs, the lists and the mapping; returns what `mend` does."""
    bad = {p.path: p.kind for f in report.findings if f.kind in _HOPELESS for p in f.problems}
    left_out: list[Problem] = []
    written = 0
    for split in report.plan.splits:
        lines = []
        for pair, name in zip(split.pairs, _names(split)):
            progress.step()
            problem = bad.get(pair[0]) or bad.get(str(pair[1]))
            try:
                if problem or pair[1] is None:
                    raise ValueError(problem or "no mask")
                lines.append(_copy(part, split, pair, name, report, max_pixels))
            except ValueError as error:
                left_out.append(Problem("", split.name, pair[1] or pair[0], str(error)))
        (part / f"{split.name}.txt").write_text("".join(lines), encoding="utf-8")
        written += len(lines)
    mapping = json.dumps(report.mapping.as_json(), indent=1)
    (part / "mapping.json").write_text(mapping + "\n", encoding="utf-8")
    progress.end()
    return written, left_out


def _copy(
    part: Path, split: Split, pair: Pair, name: str, report: Report, max_pixels: int | None
) -> str:
    """Writes one pair; returns its line of the list."""
    plan = report.plan
    mask = mended(str(pair[1]), report.mapping, split.table, max_pixels, split.color_id)
    outside = outside_classes(np.unique(mask).tolist(), plan.num_classes, plan.ignore_index)
    if outside:
        raise ValueError(f"still holds {', '.join(map(str, outside[:8]))} after the mapping")
    image_name = f"{split.name}/images/{name}{Path(pair[0]).suffix.lower()}"
    mask_name = f"{split.name}/masks/{name}.png"
    for file in (image_name, mask_name):
        (part / file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pair[0], part / image_name)
    Image.fromarray(mask.astype(np.uint8)).save(part / mask_name)
    return f"{image_name} {mask_name}\n"


def mended(
    path: str,
    mapping: Mapping,
    table: tuple[int, ...] | None = None,
    max_pixels: int | None = None,
    color_id: Callable[[Color], int | None] | None = None,
) -> np.ndarray:
    """Reads a mask and maps it.

    Args:
        path: Mask file.
        mapping: Of values and colours.
        table: What the data set class makes of values; applied first.
        max_pixels: See `images.pixel_limit`.
        color_id: What the data set class makes of colours; the mapping goes before it.

    Returns:
        (H, W) int64 ids; -1 where a colour has none.
    """
    with images.open_image(path, max_pixels) as file:
        images.pixels(file, path)
        if file.mode not in ONE_CHANNEL:
            made = {color: color_id(color) for color in count_colors(file)} if color_id else {}
            colors = {color: index for color, index in made.items() if index is not None}
            colors.update(mapping.colors)
            if not colors:
                raise ValueError("a colour mask, and no colours are mapped")
            return apply_to_colors(np.asarray(file.convert("RGB")), colors)
        mask = np.asarray(file).astype(np.int64)
    if table is not None:
        mask = apply_to_values(mask, dict(enumerate(table)))
    return apply_to_values(mask, mapping.values)


def _names(split: Split) -> Iterator[str]:
    """A name for each pair that is its own, and that a list file can hold."""
    stems = [re.sub(r"\s+", "_", Path(image).stem) for image, _ in split.pairs]
    often = Counter(stems)
    for index, stem in enumerate(stems):
        yield f"{index:06d}_{stem}" if often[stem] > 1 else stem


def _check_room(plan: Plan, folder: Path) -> None:
    files = {f for split in plan.splits for pair in split.pairs for f in pair if f}
    needed = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"The copy needs about {needed / 1e9:.1f} GB; {folder} has {free / 1e9:.1f} GB free. "
            "Nothing was written; give a folder on another disk."
        )
