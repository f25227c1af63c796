"""What a report needs of every image, kept while `engine.evaluate` goes through the data set.

Of an image remain its confusion matrix and its pixels near contours, both without their zeros; of
the worst images small maps. Nothing else grows with the data set.
"""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np
import paddle.nn.functional as F

from paddle_ann.engine import processes
from paddle_ann.engine.evaluation import Seen
from paddle_ann.metrics import confusion_matrix
from paddle_ann.report import boundary, measures
from paddle_ann.report.calibration import Reliability
from paddle_ann.report.pictures import shrink

SIDE = 360  # of the longer side of a picture in the report, in pixels


class Sparse(NamedTuple):
    """An array of counts without its zeros: flat places and what stands there."""

    places: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray) -> Sparse:
        """Take the zeros out."""
        flat = array.ravel()
        places = np.flatnonzero(flat)
        return cls(places.astype(np.uint32), flat[places].astype(np.int64))

    def dense(self, *shape: int) -> np.ndarray:
        """Put the zeros back: int64 [shape]."""
        array = np.zeros(shape, np.int64)
        array.ravel()[self.places] = self.counts
        return array

    def areas(self, num_classes: int) -> np.ndarray:
        """Return `measures.areas` of this confusion matrix, without putting the zeros back."""
        label, prediction = np.divmod(self.places.astype(np.int64), num_classes)
        right = label == prediction
        parts = (
            (label[right], self.counts[right]),
            (prediction, self.counts),
            (label, self.counts),
        )
        summed = [np.bincount(ids, counts, num_classes) for ids, counts in parts]
        return np.stack(summed).astype(np.int64)


class Worst(NamedTuple):
    """Small maps of an image that scores badly.

    Attributes:
        score: its mean IoU.
        image: its number in the data set.
        label: uint16 [h, w]; C where ignored.
        prediction: uint16 [h, w].
        confidence: uint8 [h, w], 255 for certain.
    """

    score: float
    image: int
    label: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray


class Found(NamedTuple):
    """What was seen of a whole data set.

    Attributes:
        matrices: of each image, in order: pixels by label and prediction, [C, C] without zeros.
        contours: of each image: pixels near contours, [3, C] without zeros; see `boundary.areas`.
        reliability: over all pixels.
        worst: images, the worst first.
    """

    matrices: list[Sparse]
    contours: list[Sparse]
    reliability: Reliability
    worst: list[Worst]


class Recorder:
    """Watches an evaluation: `evaluate(..., watch=recorder)`, then `recorder.found()`.

    Args:
        dataset: that is evaluated.
        worst: how many of the worst images to keep maps of.
        ratio: see `boundary.width`.

    Attributes:
        writes: whether this process is the one to write the report, of several.
    """

    writes = True

    def __init__(self, dataset: Any, worst: int = 12, ratio: float = boundary.RATIO) -> None:
        self.num_classes, self.ignore_index = dataset.num_classes, dataset.ignore_index
        self.images, self.most, self.ratio = len(dataset), worst, ratio
        self._rows: dict[int, tuple[Sparse, Sparse]] = {}
        self._bins = Reliability()
        self._worst: list[tuple[float, int, Worst]] = []  # a heap: the best of the worst on top

    def __call__(self, seen: Seen) -> None:
        """Take a batch."""
        sure = F.softmax(seen.logits.astype("float32"), axis=1).max(1).numpy()
        size = seen.classes.shape[-2:]
        for place, index in enumerate(seen.indices):
            classes, label = (
                seen.classes[place],
                seen.labels[place].reshape(seen.classes[place].shape),
            )
            matrix = confusion_matrix(classes, label, self.num_classes, self.ignore_index).numpy()
            ids, truth = (tensor.numpy().reshape(size) for tensor in (classes, label))
            self._take(index, matrix, ids, truth, sure[place])

    def _take(
        self, index: int, matrix: np.ndarray, ids: np.ndarray, label: np.ndarray, sure: np.ndarray
    ) -> None:
        valid = label != self.ignore_index
        near = boundary.areas(label, ids, self.num_classes, valid, self.ratio)
        self._rows[index] = (Sparse.of(matrix), Sparse.of(near))
        self._bins.add(sure[valid], (ids == label)[valid])
        score = float(measures.image_iou(measures.areas(matrix)))
        if not self.most or np.isnan(score):
            return
        if len(self._worst) == self.most and (-score, -index) < self._worst[0][:2]:
            return
        maps = (np.where(valid, label, self.num_classes), ids)
        truth, small = (shrink(one.astype(np.uint16), SIDE, smooth=False) for one in maps)
        grey = shrink(np.rint(sure * 255).astype(np.uint8), SIDE, smooth=True)
        entry = (-score, -index, Worst(score, index, truth, small, grey))
        (heapq.heappush if len(self._worst) < self.most else heapq.heapreplace)(self._worst, entry)

    def found(self) -> Found:
        """Put together what all processes have seen; called in each of them.

        Raises:
            RuntimeError: if an image was not seen.
        """
        bins = self._bins
        state = [
            {index: [*map(list, pair)] for index, pair in self._rows.items()},
            [bins.counts, bins.confidence, bins.correct],
            [list(worst) for *_, worst in self._worst],
        ]
        with processes.connect() as group:
            parts = group.gather(state)
            self.writes = group.rank == 0
        rows: dict[int, Any] = {}
        total, worst = Reliability(), []
        for some, (counts, confidence, correct), bad in parts:
            rows.update(some)
            total.counts += counts
            total.confidence += confidence
            total.correct += correct
            worst += [Worst(*one) for one in bad]
        missing = self.images - len(rows)
        if missing:
            raise RuntimeError(
                f"{missing} of {self.images} images were not evaluated: give the recorder as "
                "evaluate(..., watch=recorder), with the same data set."
            )
        ordered = [rows[index] for index in range(self.images)]
        worst.sort(key=lambda one: (one.score, one.image))
        return Found(
            [Sparse(*matrix) for matrix, _ in ordered],
            [Sparse(*near) for _, near in ordered],
            total,
            worst[: self.most],
        )
