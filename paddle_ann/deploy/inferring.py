"""Many images through a predictor: one thread reads, one runs the network, this one writes.

One bad image does not stop the others, unless that is asked for.
"""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TextIO

from paddle_ann.datasets.audit.scan import Progress
from paddle_ann.deploy.ahead import ahead
from paddle_ann.deploy.finding import Found
from paddle_ann.deploy.outputs import Outputs
from paddle_ann.deploy.prediction import Prediction
from paddle_ann.deploy.predictor import Predictor
from paddle_ann.deploy.reading import Prepared

_NO_STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # no other image could be written either


Band = tuple[int, Prediction]


class Failure(NamedTuple):
    """An image without a result, and why."""

    path: Path
    error: Exception

    def __str__(self) -> str:
        text = " ".join(str(self.error).split()) or type(self.error).__name__
        return text if str(self.path) in text else f"{self.path}: {text}"


class Report:
    """Counts what is done, for all threads, and says what fails.

    Args:
        total: images to come.
        strict: raise the first error.
        stream: where progress and errors go; None for nowhere.
    """

    def __init__(self, total: int, strict: bool, stream: TextIO | None) -> None:
        self.failures: list[Failure] = []
        self._progress = Progress("segmented", total, stream)
        self._strict, self._stream, self._lock = strict, stream, threading.Lock()

    def done(self) -> None:
        """One more image has its results."""
        with self._lock:
            self._progress.step()

    def failed(self, path: Path, error: Exception) -> None:
        """One more image has none; called where the error is caught."""
        if self._strict:
            raise error
        with self._lock:
            self.failures.append(Failure(path, error))
            self._progress.end()  # so that the error has a line of its own
            if self._stream:
                print(f"skipped: {self.failures[-1]}", file=self._stream, flush=True)
            self._progress.step()

    def within(self, one: Prepared, bands: Iterable[Band], total: int) -> Iterator[Band]:
        """Pass on the bands of a picture, and tell how far it is where there are several."""
        stream = self._stream if total > 1 else None
        progress = Progress(f"{one.source.name}:", total, stream, "rows of tiles")
        for band in bands:
            yield band
            progress.step()
        progress.end()

    def end(self) -> None:
        """Take the progress line away."""
        self._progress.end()


def infer(
    predictor: Predictor,
    images: Sequence[Found],
    outputs: Outputs,
    strict: bool = False,
    stream: TextIO | None = sys.stderr,
) -> list[Failure]:
    """Segment images, and write what is wanted of each.

    Args:
        predictor: the network.
        images: as `find` finds them.
        outputs: what to write, and where.
        strict: raise the first error instead of going on.
        stream: where progress and errors go; None for nowhere.

    Returns:
        The images that have no result.

    Raises:
        OSError: if the disk is full, or cannot be written to.
        Exception: with `strict`, what is wrong with the first bad image.
    """
    report = Report(len(images), strict, stream)
    try:
        with closing(ahead(_read(predictor, images, outputs, report))) as prepared:
            if predictor.tiled:
                for one in prepared:
                    with closing(ahead(predictor.bands(one, outputs.keep), 1)) as bands:
                        told = report.within(one, bands, predictor.count_bands(one))
                        _write(one, told, outputs, report)
            else:
                with closing(ahead(_segment(predictor, prepared, outputs, report))) as results:
                    for one, found in results:
                        _write(one, [(0, found)], outputs, report)
    finally:
        report.end()
    return report.failures


def _read(
    predictor: Predictor, images: Sequence[Found], outputs: Outputs, report: Report
) -> Iterator[Prepared]:
    for image in images:
        try:
            outputs.check(image.name)
            prepared = predictor.prepare(image.path)._replace(source=image)
        except Exception as error:  # a hostile file can raise anything
            report.failed(image.path, error)
        else:
            yield prepared


def _segment(
    predictor: Predictor, prepared: Iterable[Prepared], outputs: Outputs, report: Report
) -> Iterator[tuple[Prepared, Prediction]]:
    for batch in predictor.group(prepared):
        try:
            results = predictor.run(batch, outputs.keep)
        except Exception:  # the engines have errors of their own; which image is it?
            for one in batch:
                try:
                    yield one, predictor.run([one], outputs.keep)[0]
                except Exception as error:
                    report.failed(one.source.path, error)
        else:
            yield from zip(batch, results)


def _write(one: Prepared, bands: Iterable[Band], outputs: Outputs, report: Report) -> None:
    try:
        outputs.write(one.source.name, one.rows, bands)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_STORAGE:
            raise
        report.failed(one.source.path, error)
    else:
        report.done()
