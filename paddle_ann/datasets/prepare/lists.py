"""Which pictures are for what: the list files of VOC, of SBD, and of both together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .files import write_whole

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")  # such as 2007_000032; becomes part of a path
SETS = Path("ImageSets/Segmentation")


@dataclass(frozen=True)
class Counts:
    """How many pictures a data set has.

    Attributes:
        train: In train.txt.
        val: In val.txt.
        trainaug: In train.txt and aug.txt together.
    """

    train: int
    val: int
    trainaug: int


VOC_COUNTS = Counts(train=1464, val=1449, trainaug=10582)


def read_ids(path: Path) -> list[str]:
    """Returns the names in a list file, one a line, in its order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is no name of a picture, or comes twice.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. This is not a complete data set.")
    ids = [line.strip() for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    ids = [line for line in ids if line]
    wrong = next((line for line in ids if not _ID.match(line)), None)
    if wrong is not None:
        raise ValueError(f"{path}: {wrong[:80]!r} is not the name of a picture.")
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path}: {len(ids) - len(set(ids))} names come twice.")
    return ids


def check_voc(voc: Path, counts: Counts) -> tuple[list[str], list[str]]:
    """Checks VOC's own lists and that their pictures and masks are there.

    Args:
        voc: The folder VOC2012.
        counts: What the lists must have.

    Returns:
        The names in train.txt and in val.txt.

    Raises:
        FileNotFoundError: A list, picture or mask is missing.
        ValueError: A list has another length, or the three do not fit together.
    """
    train, val, both = (
        read_ids(voc / SETS / f"{name}.txt") for name in ("train", "val", "trainval")
    )
    _check_count(voc / SETS / "train.txt", len(train), counts.train)
    _check_count(voc / SETS / "val.txt", len(val), counts.val)
    if set(train) & set(val):
        raise ValueError(f"{voc / SETS}: {min(set(train) & set(val))} is in train.txt and val.txt.")
    if set(both) != {*train, *val}:
        raise ValueError(f"{voc / SETS}: trainval.txt is not train.txt and val.txt together.")
    check_there(voc / "JPEGImages", both, ".jpg")
    check_there(voc / "SegmentationClass", both, ".png")
    return train, val


def augmentation(sbd: Path, train: list[str], val: list[str], counts: Counts) -> list[str]:
    """Returns the sorted names that SBD adds to train.txt: its own, less VOC's train and val.

    Args:
        sbd: SBD's folder `dataset`, with train.txt and val.txt.
        train: VOC's names to train on.
        val: VOC's names to validate on, which must stay unseen.
        counts: What both together must have.

    Raises:
        FileNotFoundError: A list is missing.
        ValueError: The count is another.
    """
    names = {*read_ids(sbd / "train.txt"), *read_ids(sbd / "val.txt")} - {*train, *val}
    _check_count(sbd, len(train) + len(names), counts.trainaug, "train.txt and SBD's names give")
    return sorted(names)


def write_lists(voc: Path, train: list[str], aug: list[str]) -> None:
    """Writes aug.txt, which PaddleSeg reads after train.txt, and trainaug.txt, both in one.

    A list that is there with the same names, in any order, stays.

    Raises:
        FileExistsError: One is there with other names.
    """
    for name, ids in (("aug.txt", aug), ("trainaug.txt", train + aug)):
        path = voc / SETS / name
        if not path.exists():
            write_whole(path, "".join(f"{line}\n" for line in ids).encode())
        elif set(read_ids(path)) != set(ids):
            raise FileExistsError(
                f"{path} has other names than VOC and SBD give. It was left as it is; move it away "
                "and run again."
            )


def check_there(folder: Path, ids: Iterable[str], ending: str) -> None:
    """Raises FileNotFoundError if a name has no file in the folder, or an empty one."""
    missing = [name for name in ids if not _has_content(folder / f"{name}{ending}")]
    if missing:
        raise FileNotFoundError(
            f"{folder}: {len(missing)} files are missing or empty, first {missing[0]}{ending}."
        )


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _check_count(where: Path, found: int, expected: int, what: str = "it has") -> None:
    if found != expected:
        raise ValueError(f"{where}: {what} {found} names; there must be {expected}.")
