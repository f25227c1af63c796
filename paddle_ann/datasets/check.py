"""Checks of a whole data set before the first iteration, so that a bad file is named and not met.

PaddleSeg meets a missing image as a None, a truncated JPEG as grey, a label beyond the classes as a
crash of the loss or, in evaluation, not at all.
"""

from __future__ import annotations

import copy
import math
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from paddleseg.datasets import Dataset
from paddleseg.transforms import Compose
from paddleseg.utils import logger

from paddle_ann.datasets.check_files import check_headers, check_label, check_pair, decode

__all__ = ["CheckResult", "check_dataset", "check_pair"]

_THREADS = 4
_FAULTS_SHOWN = 5
_REPORT_EVERY_S = 5.0
_ADVICE = {
    "all pixels are ignored": "they teach and measure nothing",
    "only 0 and 255": "if 255 means the object there, it is ignored now: write it as 1 "
    "(tools/check_data.py --mend does)",
}


@dataclass
class CheckResult:
    """What a check has covered.

    Attributes:
        pairs: Samples in the data set; of each the headers were checked.
        decoded: Samples of which every byte and label value was checked.
        seconds: Time taken.
        warnings: One line per kind of doubtful label.
    """

    pairs: int
    decoded: int = 0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line for the log."""
        return (
            f"checked the files of {self.pairs} samples, every byte and label of {self.decoded} of "
            f"them, in {self.seconds:.1f} s"
        )


_checked: weakref.WeakKeyDictionary[Any, tuple[int, CheckResult]] = weakref.WeakKeyDictionary()


def check_dataset(dataset: Any, budget_s: float = 20.0) -> CheckResult:
    """Checks every file's header, and as many samples completely as the time allows.

    Samples are taken in a fixed shuffled order, so a short budget still sees the whole list. Labels
    are checked as the data set hands them out: a class with its own `__getitem__` (ADE20K shifts
    its ids by one, CamVid turns 11 into 255) is asked for samples with its transforms taken away.
    A data set object is checked once; asking again returns the first result.

    Args:
        dataset: A PaddleSeg data set with `file_list` [(image, label), …]. Without such a list
            there is nothing to check, and the result says 0 samples.
        budget_s: Seconds to spend on complete checks, at least 0.

    Returns:
        What was covered, with warnings.

    Raises:
        FileNotFoundError: Files are missing, and nothing else is wrong.
        ValueError: A file or label is wrong, see `check_pair`; or the list is empty.
    """
    pairs = getattr(dataset, "file_list", None)
    if pairs is None:
        return CheckResult(0)
    if dataset in _checked and _checked[dataset][0] == len(pairs):
        return _checked[dataset][1]
    if not pairs:
        raise ValueError(
            f"{type(dataset).__name__} (mode {getattr(dataset, 'mode', None)!r}, dataset_root "
            f"{getattr(dataset, 'dataset_root', None)!r}) has no samples. Check its list file."
        )
    start = time.monotonic()
    faults = _Faults(len(pairs))
    _run(
        lambda i: check_headers(pairs[i][0], pairs[i][1], _is_plain(dataset)),
        range(len(pairs)),
        faults,
        "opening files",
    )
    faults.raise_if_any()
    decoded, doubts = _decode_all(dataset, budget_s, faults)
    faults.raise_if_any()
    result = CheckResult(len(pairs), decoded, time.monotonic() - start, _warnings(doubts, decoded))
    _checked[dataset] = (len(pairs), result)
    return result


def _is_plain(dataset: Any) -> bool:
    """Whether labels are read as they are stored."""
    return type(dataset).__getitem__ is Dataset.__getitem__


def _decode_all(dataset: Any, budget_s: float, faults: _Faults) -> tuple[int, dict[str, list[str]]]:
    """Complete checks until the time is up: how many, and the doubtful labels by kind."""
    doubts: dict[str, list[str]] = {}

    def check(index: int) -> None:
        for warning in _check_sample(dataset, bare, index):
            doubts.setdefault(warning, []).append(str(dataset.file_list[index][1]))

    bare = None
    if not _is_plain(dataset):
        bare = copy.copy(dataset)
        bare.transforms = Compose([], img_channels=getattr(dataset, "img_channels", 3))
        bare.edge = False
    order = np.random.default_rng(0).permutation(len(dataset.file_list))
    # A class with its own reading may not be made for threads.
    threads = _THREADS if bare is None else 1
    done = _run(check, order.tolist(), faults, "reading pixels", budget_s, threads)
    return done, doubts


def _check_sample(dataset: Any, bare: Any, index: int) -> list[str]:
    """Every byte and label value of one sample; `bare` is the data set without its transforms."""
    image_path, label_path = dataset.file_list[index]
    if bare is None:
        return check_pair(image_path, label_path, dataset.num_classes, dataset.ignore_index)
    decode(image_path)
    sample = bare[index]
    label = sample.get("label")
    if label is None:
        return []
    if label.shape[-2:] != sample["img"].shape[-2:]:
        raise ValueError(
            f"label {label_path} is {label.shape[-1]}x{label.shape[-2]} pixels (width x height), "
            f"its image {image_path} {sample['img'].shape[-1]}x{sample['img'].shape[-2]}; they "
            "must be equal. Check that they belong together."
        )
    warning = check_label(label, label_path, dataset.num_classes, dataset.ignore_index)
    return [warning] if warning else []


def _run(
    task: Callable[[int], None],
    indices: Sequence[int],
    faults: _Faults,
    what: str,
    budget_s: float = math.inf,
    threads: int = _THREADS,
) -> int:
    """Runs `task` over indices in threads until done or out of time; says how many were run."""
    start = reported = time.monotonic()
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        for chunk in _chunks(indices, 8 * threads):
            if time.monotonic() - start > budget_s:
                break
            for fault in pool.map(lambda i: _caught(task, i), chunk):
                faults.add(fault)
            done += len(chunk)
            now = time.monotonic()
            if now - reported > _REPORT_EVERY_S:
                reported = now
                left = min((now - start) * (len(indices) / done - 1), budget_s - (now - start))
                logger.info(f"Checking data, {what}: {done}/{len(indices)}, {left:.0f} s left")
    return done


def _chunks(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(indices), size):
        yield indices[first : first + size]


def _caught(task: Callable[[int], None], index: int) -> Exception | None:
    try:
        task(index)
    except Exception as error:  # whatever a file or a user's class does is a finding here
        return error
    return None


def _warnings(doubts: dict[str, list[str]], decoded: int) -> list[str]:
    return [
        f"{len(names)} of {decoded} labels: {kind}; {_ADVICE[kind]}. First: {min(names)}"
        for kind, names in sorted(doubts.items())
    ]


class _Faults:
    """Collects what is wrong and tells it in one error."""

    def __init__(self, pairs: int) -> None:
        self._pairs = pairs
        self._found: list[Exception] = []

    def add(self, fault: Exception | None) -> None:
        if fault is not None:
            self._found.append(fault)

    def raise_if_any(self) -> None:
        if not self._found:
            return
        lines = [str(fault) for fault in self._found[:_FAULTS_SHOWN]]
        if len(self._found) == 1:
            text = lines[0]
        else:
            text = "\n- ".join(
                [f"{len(self._found)} of {self._pairs} samples are unusable:", *lines]
            )
            if len(self._found) > _FAULTS_SHOWN:
                more = len(self._found) - _FAULTS_SHOWN
                text += f"\n- and {more} more; tools/check_data.py finds all and mends what it can"
        missing = all(isinstance(fault, FileNotFoundError) for fault in self._found)
        raise (FileNotFoundError if missing else ValueError)(text) from self._found[0]
