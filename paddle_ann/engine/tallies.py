"""What an evaluation adds up, batch by batch and then over the processes."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import paddle
import paddle.nn.functional as F
from paddleseg.utils import metrics

from paddle_ann.engine.processes import Group
from paddle_ann.metrics import confusion_matrix


class Tally(Protocol):
    """Something that is counted over all images. A validation loss would be another one."""

    def add(self, classes: paddle.Tensor, logits: paddle.Tensor, labels: paddle.Tensor) -> None:
        """Count a batch.

        Args:
            classes: predictions, int32 [N, 1, h, w].
            logits: [N, C, h, w].
            labels: integers [N, 1, h, w].
        """

    def total(self, group: Group) -> Any:
        """Return the result over all processes; called in each of them."""


class Confusion:
    """Pixels by label and prediction.

    Args:
        num_classes: C.
        ignore_index: label of pixels that do not count.
    """

    def __init__(self, num_classes: int, ignore_index: int) -> None:
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self._matrix = paddle.zeros([num_classes, num_classes], "int64")

    def add(self, classes: paddle.Tensor, logits: paddle.Tensor, labels: paddle.Tensor) -> None:
        """Count a batch.

        Raises:
            ValueError: if prediction and label differ in size.
        """
        if labels.ndim == 3:
            classes = classes.squeeze(1)
        if classes.shape != labels.shape:
            raise ValueError(
                f"The predictions have the shape {list(classes.shape)} and the labels "
                f"{list(labels.shape)}: each mask must have the size of its image "
                "before the transforms."
            )
        counts = confusion_matrix(classes, labels, self.num_classes, self.ignore_index)
        self._matrix = self._matrix + counts

    def total(self, group: Group) -> np.ndarray:
        """Return the counts, int64 [C, C], rows by label, columns by prediction."""
        return group.add_up(self._matrix).numpy()


class RocCurve:
    """The area under the ROC curve, by PaddleSeg's function, over the pixels that count.

    Args:
        num_classes: C.
        ignore_index: label of pixels that do not count.
    """

    def __init__(self, num_classes: int, ignore_index: int) -> None:
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self._chances: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []

    def add(self, classes: paddle.Tensor, logits: paddle.Tensor, labels: paddle.Tensor) -> None:
        """Keep the probabilities of a batch."""
        flat = labels.numpy().ravel()
        chances = F.softmax(logits, axis=1).transpose([0, 2, 3, 1]).numpy()
        valid = flat != self.ignore_index
        self._labels.append(flat[valid])
        self._chances.append(chances.reshape(-1, self.num_classes)[valid])

    def total(self, group: Group) -> float:
        """Return the area.

        Raises:
            ValueError: if a class has no pixel: its curve is not defined.
        """
        none = np.empty((0, self.num_classes), np.float32)
        parts = group.gather((self._labels, self._chances))
        labels = np.concatenate([none[:, 0], *(label for part in parts for label in part[0])])
        chances = np.concatenate([none, *(chance for part in parts for chance in part[1])])
        absent = sorted(set(range(self.num_classes)) - set(np.unique(labels).astype(int).tolist()))
        if absent:
            raise ValueError(
                f"auc_roc: the labels hold no pixel of the classes {absent}, whose area under the "
                "ROC curve is not defined. Leave auc_roc out, or evaluate data that has all of the "
                f"{self.num_classes} classes."
            )
        return float(
            metrics.auc_roc(
                chances[:, :, None, None], labels[:, None, None, None], self.num_classes
            )
        )
