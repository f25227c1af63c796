"""The two stages. Each builds its folder apart, records its files, and then gives it its name.

A later run finds by the record what is whole. A file that no record names is somebody else's, and
one that differs from its record was changed since: neither is ever written over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from . import lists, record
from .extract import extract
from .files import place, require_space, say, size_of, write_whole
from .lists import Counts
from .masks import convert_all
from .source import Source

_SBD_UNPACKED = 400_000_000  # bytes of .mat files and masks, roughly


class Places:
    """Where things are, and where they are built."""

    def __init__(self, root: Path) -> None:
        self.devkit = root / "VOCdevkit"
        self.voc = self.devkit / "VOC2012"
        self.masks = self.voc / "SegmentationClassAug"
        self.work = root / ".prepare_voc"  # on the same disk, so that a rename is enough
        self.new_voc = self.work / "VOC2012"
        self.new_masks = self.work / "SegmentationClassAug"
        self.sbd = self.work / "sbd"
        self.voc_record = self.work / "voc.json"
        self.masks_record = self.work / "masks.json"


def unpack_voc(places: Places, source: Source, counts: Counts) -> tuple[list[str], list[str]]:
    """Has VOC2012 in its place.

    Returns:
        The names to train on and those to validate on.
    """
    known = record.load(places.voc_record)
    if known is None and places.voc.exists():
        say(f"{places.voc} was not unpacked by this tool; it is checked and used as it is.")
        return lists.check_voc(places.voc, counts)
    if known is None or not (places.voc.exists() or places.new_voc.exists()):
        needed = source.path.stat().st_size - size_of(places.new_voc)
        require_space(places.work, needed, f"Unpacking {source.archive.name}")
        names = extract(source.path, places.new_voc, _in_voc)
        lists.check_voc(places.new_voc, counts)
        known = record.take(places.new_voc, names, _is_label)
        record.save(places.voc_record, known)

    def restore(missing: set[str]) -> None:
        extract(source.path, places.voc, lambda name: _among(_in_voc(name), missing))

    _settle(places.new_voc, places.voc, known, restore)
    return lists.check_voc(places.voc, counts)


def augment(
    places: Places, source: Source, train: list[str], val: list[str], counts: Counts, workers: int
) -> list[str]:
    """Has SegmentationClassAug, aug.txt and trainaug.txt in their places.

    Returns:
        The names in aug.txt.
    """
    known = record.load(places.masks_record)
    if known is None and places.masks.exists():
        raise FileExistsError(
            f"{places.masks} was not made by this tool and was left as it is. Use it with the "
            "aug.txt that came with it, or move it away and run again."
        )

    def make() -> list[str]:
        aug = _unpack_sbd(places, source, train, val, counts)
        convert_all(
            aug,
            places.sbd / "cls",
            places.voc / "JPEGImages",
            places.new_masks,
            places.voc / "SegmentationClass" / f"{train[0]}.png",
            workers,
        )
        for name in (*train, *val):
            content = (places.voc / "SegmentationClass" / f"{name}.png").read_bytes()
            write_whole(places.new_masks / f"{name}.png", content)
        return aug

    def restore(missing: set[str]) -> None:
        make()
        for name in missing:
            os.replace(places.new_masks / name, places.masks / name)

    if known is None or not (places.masks.exists() or places.new_masks.exists()):
        names = [f"{name}.png" for name in (*make(), *train, *val)]
        known = record.take(places.new_masks, names, _is_label)
        record.save(places.masks_record, known)
    _settle(places.new_masks, places.masks, known, restore)
    aug = sorted({Path(name).stem for name in known} - {*train, *val})
    lists.write_lists(places.voc, train, aug)
    for scratch in (places.sbd, places.new_masks):
        shutil.rmtree(scratch, ignore_errors=True)
    return aug


def _unpack_sbd(
    places: Places, source: Source, train: list[str], val: list[str], counts: Counts
) -> list[str]:
    """Unpacks what is needed of SBD; the names that it adds, each with a picture and a file."""
    needed = _SBD_UNPACKED - size_of(places.sbd) - size_of(places.new_masks)
    require_space(places.work, needed, f"Unpacking {source.archive.name}")
    extract(source.path, places.sbd, _in_sbd)
    aug = lists.augmentation(places.sbd, train, val, counts)
    lists.check_there(places.voc / "JPEGImages", aug, ".jpg")
    lists.check_there(places.sbd / "cls", aug, ".mat")
    return aug


def _settle(
    staged: Path, final: Path, known: record.Record, restore: Callable[[set[str]], None]
) -> None:
    """Gives a finished folder its name, or compares the one that has it with its record."""
    if staged.exists() and not final.exists():
        place(staged, final)
    else:
        say(f"comparing {final} with the record of its {len(known)} files")
    missing, other = record.compare(final, known)
    if other:
        raise FileExistsError(
            f"{final}: {len(other)} files were changed since this tool wrote them, first "
            f"{other[0]}. They were left as they are. Move them away to have them made anew."
        )
    if missing:
        say(f"{final}: {len(missing)} files are missing, first {missing[0]}; they are made anew.")
        restore(set(missing))
        missing, other = record.compare(final, known)
        if missing or other:
            raise RuntimeError(
                f"{final}: {(missing + other)[0]} could not be made anew as it was. Move the "
                "folder away and run again."
            )


def _in_voc(name: PurePosixPath) -> PurePosixPath | None:
    """The name below VOC2012 of an entry of VOC's archive."""
    inside = name.parts[:2] == ("VOCdevkit", "VOC2012") and len(name.parts) > 2
    return PurePosixPath(*name.parts[2:]) if inside else None


def _in_sbd(name: PurePosixPath) -> PurePosixPath | None:
    """The lists and the class masks; SBD's pictures are VOC's, its instances are not needed."""
    parts = name.parts
    if parts[-3:-1] == ("dataset", "cls") and name.suffix == ".mat":
        return PurePosixPath(*parts[-2:])
    if parts[-2:] in (("dataset", "train.txt"), ("dataset", "val.txt")):
        return PurePosixPath(parts[-1])
    return None


def _among(name: PurePosixPath | None, names: set[str]) -> PurePosixPath | None:
    return name if name is not None and str(name) in names else None


def _is_label(name: str) -> bool:
    return name.endswith((".png", ".txt"))
