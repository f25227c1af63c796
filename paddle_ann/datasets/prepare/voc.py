"""The way from two archives to the folders: what is there is kept, what is missing is made.

Where things stand is read off the disk at every start, so that a run may end anywhere.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .archives import SBD, VOC2012, Archive
from .download import Patience
from .files import no_root, only_run
from .lists import VOC_COUNTS, Counts
from .source import Source
from .stages import Places, augment, unpack_voc


@dataclass(frozen=True)
class Prepared:
    """What is there now.

    Attributes:
        dataset_root: The folder for `dataset_root` of PaddleSeg's PascalVOC.
        counts: Pictures per mode; trainaug is 0 without SBD.
        archives: Archives that are not needed any more, and were left where they are.
    """

    dataset_root: Path
    counts: Counts
    archives: tuple[Path, ...] = ()


def prepare_voc(
    root: str | os.PathLike[str],
    *,
    download: bool = False,
    voc: Archive = VOC2012,
    sbd: Archive | None = SBD,
    voc_archive: str | os.PathLike[str] | None = None,
    sbd_archive: str | os.PathLike[str] | None = None,
    counts: Counts = VOC_COUNTS,
    workers: int | None = None,
    patience: Patience | None = None,
) -> Prepared:
    """Makes `root`/VOCdevkit as PaddleSeg's PascalVOC reads it, SegmentationClassAug included.

    What is whole stays untouched, an interrupted call is completed by the next one, and a
    VOCdevkit/VOC2012 that somebody else unpacked is used as it is. Progress goes to standard error.

    Args:
        root: Folder that holds or will hold VOCdevkit.
        download: Whether archives that are not there may be fetched.
        voc: Pascal VOC 2012's archive; `dataclasses.replace(VOC2012, urls=...)` names a mirror.
        sbd: SBD's archive; None: without SBD, for mode train only.
        voc_archive: The file of VOC's archive; None: `root`/NAME if it is there.
        sbd_archive: The file of SBD's archive, likewise.
        counts: Pictures that the lists must have.
        workers: Processes that convert masks, at least 1; None: one for each CPU.
        patience: Time limits of the download; None: the default ones.

    Returns:
        What is there now.

    Raises:
        FileNotFoundError: An archive is needed, and neither given nor allowed to be downloaded.
        FileExistsError: Something stands there that is not this function's, or was changed since.
        ChecksumError: An archive is not the published one.
        DownloadError: No address gave an archive.
        ValueError: An archive, a list or a mask is not as it should be, or an argument is wrong.
        RuntimeError: Another run is at it, or the disk is too full.
    """
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers is {workers!r}; it must be an integer of at least 1.")
    root = Path(root)
    try:
        taken = root.exists() and not root.is_dir()
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise no_root(root, error) from error
    if taken:
        raise FileExistsError(f"{root} is a file; choose another root.")
    places = Places(root)
    fetched = (root, download, patience or Patience())
    first = Source(voc, voc_archive, "voc", *fetched)
    second = Source(sbd, sbd_archive, "sbd", *fetched) if sbd else None
    if not (places.voc.exists() or places.voc_record.exists()):
        first.check_way()  # now, and not after minutes of other work
    if second and not places.masks_record.exists():
        second.check_way()
    with only_run(places.work), _room_is_needed(root):
        train, val = unpack_voc(places, first, counts)
        if second is None:
            return Prepared(places.devkit, Counts(len(train), len(val), 0), first.unneeded)
        aug = augment(places, second, train, val, counts, workers or os.cpu_count() or 1)
        found = Counts(len(train), len(val), len(train) + len(aug))
        return Prepared(places.devkit, found, first.unneeded + second.unneeded)


@contextlib.contextmanager
def _room_is_needed(root: Path) -> Iterator[None]:
    """Says what to do when the disk fills up on the way."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise RuntimeError(
            f"the disk of {root} is full. Make room and run again: what was done is kept."
        ) from error


def advice(done: Prepared) -> str:
    """Returns what to write into a configuration and how to train, as lines to print."""
    aug = done.counts.trainaug > 0
    root, counts = str(done.dataset_root), done.counts
    mode, data = ("trainaug", "voc12aug") if aug else ("train", "voc12")
    own = root != "data/VOCdevkit"  # what configs/_base_/pascal_voc12.yml says
    sections = ("train_dataset", "val_dataset")
    opts = " --opts " + " ".join(shlex.quote(f"{s}.dataset_root={root}") for s in sections)
    lines = [
        f"{root} is ready: train {counts.train}, val {counts.val}"
        + (f", trainaug {counts.trainaug} pictures" if aug else " pictures"),
        f"In a configuration (configs/_base_/pascal_{data}.yml is one):",
        *(
            f"  {section}: {{type: PascalVOC, dataset_root: {json.dumps(root)}, mode: {mode}, ...}}"
            for section, mode in (("train_dataset", mode), ("val_dataset", "val"))
        ),
        "Train:",
        f"  python tools/train.py --config configs/ann/ann_resnet101_os8_{data}_512x512_40k.yml"
        f" --do_eval --use_vdl --save_dir output/{data}" + (opts if own else ""),
    ]
    if done.archives:
        names = " and ".join(map(str, done.archives))
        lines.append(f"Not needed any more, and left for you to remove: {names}")
    return "\n".join(lines)
