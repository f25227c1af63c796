"""A generated data set in Pascal VOC's layout: 20 object classes, background, 255 at the rims.

PaddleSeg's own `PascalVOC` reads it. `shapes` has objects that a small network learns in minutes;
in `context` the class of an object is told by a mark far away in the picture.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from paddleseg.utils.visualize import get_color_map_list
from PIL import Image

from paddle_ann.datasets.toy_scenes import NUM_OBJECTS, Scene, context_scene, shapes_scene
from paddle_ann.paths import check_path

VARIANTS = ("shapes", "context")
VOC_PALETTE = [0, 0, 0, *get_color_map_list(255)]
"""256 RGB triples in a row. PaddleSeg's list leaves out the black of class 0, so it is put back."""
_RECORD = "toy_voc.json"
_FORMAT = 1  # raise when the drawing changes, so that old and new pictures never mix
_OBJECTS_PER_IMAGE = (3, 5)


def generate(
    root: str | os.PathLike[str],
    *,
    variant: str = "shapes",
    num_train: int = 400,
    num_val: int = 60,
    size: tuple[int, int] = (96, 96),
    seed: int = 0,
) -> Path:
    """Writes the data set below `root`/VOC2012 and returns `root`; what is there already stays.

    The same arguments give the same bytes (with the same numpy, OpenCV and Pillow). An interrupted
    call is completed by the next one. From 7 `shapes` or 20 `context` pictures on, a split holds
    all 21 classes.

    Args:
        root: Folder to write: new, empty, or made by an earlier call with the same arguments.
        variant: 'shapes' or 'context'.
        num_train: Pictures in train.txt, at least 1.
        num_val: Pictures in val.txt, at least 1.
        size: Height and width in pixels, each at least 32.
        seed: Source of all chance, at least 0.

    Returns:
        The folder to give `PascalVOC` as `dataset_root`.

    Raises:
        ValueError: An argument is outside its range.
        FileExistsError: `root` holds something that this call did not make.
    """
    settings = _settings(variant, num_train, num_val, size, seed)
    root = Path(root)
    _claim(root, settings)
    voc = root / "VOC2012"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (voc / name).mkdir(parents=True, exist_ok=True)
    names: dict[str, list[str]] = {}
    for number, (split, count) in enumerate((("train", num_train), ("val", num_val))):
        names[split] = [f"toy_{split}_{index:05d}" for index in range(count)]
        chance = (seed, VARIANTS.index(variant), number)
        for index, classes in enumerate(_decks(np.random.default_rng(chance), count, variant)):
            _write_pair(voc, names[split][index], variant, classes, size, (*chance, index))
    names["trainval"] = names["train"] + names["val"]
    for split, stems in names.items():
        text = "".join(f"{stem}\n" for stem in stems)
        _write(voc / "ImageSets/Segmentation" / f"{split}.txt", text.encode())
    return root


def _settings(
    variant: str, num_train: int, num_val: int, size: tuple[int, int], seed: int
) -> dict[str, Any]:
    if variant not in VARIANTS:
        raise ValueError(
            f"variant is {variant!r}; it must be one of {', '.join(map(repr, VARIANTS))}."
        )
    for name, value, least in (
        ("num_train", num_train, 1),
        ("num_val", num_val, 1),
        ("seed", seed, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} is {value!r}; it must be an integer of at least {least}.")
    if not isinstance(size, Sequence) or len(size) != 2 or min(size) < 32:
        raise ValueError(f"size is {size!r}; it must be (height, width), each at least 32 pixels.")
    return {
        "made_by": "paddle_ann.datasets.toy_voc",
        "format": _FORMAT,
        "variant": variant,
        "num_train": int(num_train),
        "num_val": int(num_val),
        "size": [int(n) for n in size],
        "seed": int(seed),
    }


def _claim(root: Path, settings: dict[str, Any]) -> None:
    """Makes `root` ours by a record of the settings, or refuses."""
    record = root / _RECORD
    check_path(root, "root")
    if root.exists() and not root.is_dir():
        raise FileExistsError(
            f"{root} is a file; the toy data set needs a folder. Choose another root."
        )
    if record.is_file():
        found = _read_record(record)
        if found != settings:
            differ = [
                f"{k} is {found.get(k)!r}, asked for {v!r}"
                for k, v in settings.items()
                if found.get(k) != v
            ]
            raise FileExistsError(
                f"{root} holds a toy data set with other settings ({_RECORD}): "
                f"{', '.join(differ)}. "
                "Choose another root, or remove that folder yourself."
            )
        return
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(
            f"{root} is not empty and was not made by this generator ({_RECORD} is missing). "
            "Nothing was written. Choose another root."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # a file, or a link to nothing, where a folder is needed
        raise FileExistsError(f"{root} cannot be made ({error}). Choose another root.") from error
    _write(record, (json.dumps(settings, indent=1) + "\n").encode())


def _read_record(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise FileExistsError(f"{record} is not this generator's record. Choose another root.")
    return found


def _decks(rng: np.random.Generator, count: int, variant: str) -> Iterator[list[int]]:
    """Classes of each picture, dealt from shuffled decks of all 20, so that none is rare."""
    deck: list[int] = []
    for _ in range(count):
        wanted = (
            1 if variant == "context" else int(rng.integers(*_OBJECTS_PER_IMAGE, endpoint=True))
        )
        hand: list[int] = []
        while len(hand) < wanted:
            if not deck:
                deck = (rng.permutation(NUM_OBJECTS) + 1).tolist()
            choice = next((k for k in deck if k not in hand), None)
            if choice is None:
                break
            deck.remove(choice)
            hand.append(choice)
        yield hand


def _write_pair(
    voc: Path,
    stem: str,
    variant: str,
    classes: list[int],
    size: tuple[int, int],
    chance: tuple[int, ...],
) -> None:
    image_path = voc / "JPEGImages" / f"{stem}.jpg"
    label_path = voc / "SegmentationClass" / f"{stem}.png"
    if image_path.exists() and label_path.exists():
        return
    draw = {"shapes": shapes_scene, "context": context_scene}[variant]
    scene: Scene = draw(np.random.default_rng(chance), (size[0], size[1]), classes)
    _write(image_path, jpeg(scene.image))
    label = Image.fromarray(scene.label)
    label.putpalette(VOC_PALETTE)
    _write(label_path, _encoded(label, "PNG"))


def jpeg(image: np.ndarray) -> bytes:
    """Encodes RGB (H, W, 3) uint8 as the data set stores it."""
    return _encoded(Image.fromarray(image), "JPEG", quality=95)


def _encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and only if it is not there."""
    if path.exists():
        return
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)
