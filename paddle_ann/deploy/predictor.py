"""An exported network, used from Python: pictures in, class numbers at their own size out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from paddle_ann.datasets.images import read_untrusted
from paddle_ann.deploy.runner import Bundle
from paddle_ann.deploy.runner.engines import ENGINES
from paddle_ann.deploy.runner.files import check_image
from paddle_ann.deploy.runner.prepare import Trace, prepare


@dataclass(frozen=True)
class Prediction:
    """What the network makes of one picture.

    Attributes:
        ids: the class of every pixel, (H, W) int32.
        probabilities: (num_classes, H, W) float32, or None if they were not asked for.
    """

    ids: np.ndarray
    probabilities: np.ndarray | None = None

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the class that was chosen, (H, W)."""
        return np.asarray(self._known().max(0))

    @property
    def entropy(self) -> np.ndarray:
        """How undecided the network is, (H, W), from 0 to 1 (all classes alike)."""
        known = self._known()
        terms = known * np.log(np.maximum(known, np.finfo(known.dtype).tiny))
        return np.asarray(-terms.sum(0) / np.log(len(known)))

    def _known(self) -> np.ndarray:
        if self.probabilities is None:
            raise ValueError(
                "The prediction holds class numbers alone; ask for probabilities=True."
            )
        return self.probabilities


class Predictor:
    """An exported folder, opened in one engine.

    Args:
        path: the folder that `export` made.
        engine: "onnxruntime", "openvino", "paddle", or "auto": the first of them that is installed
            and whose graph the folder holds. It is imported here, and no other.
        threads: how many threads compute; all cores by default.
        batch_size: pictures in a row that have one size once they are prepared run together, up to
            this many.

    Attributes:
        bundle: class names, palette and preparation.
        engine: the engine in use.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if one is damaged, or an argument out of its range.
        ImportError: if the engine is not installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        engine: str = "auto",
        threads: int | None = None,
        batch_size: int = 1,
    ) -> None:
        if engine not in ("auto", *ENGINES):
            raise ValueError(
                f"engine must be auto or one of {', '.join(ENGINES)}; received {engine!r}."
            )
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size must be an integer of at least 1; received {batch_size}.")
        self.bundle = Bundle(path, None if engine == "auto" else engine, threads)
        self.engine = self.bundle.engine
        self.batch_size = batch_size

    def __call__(self, images: Any, probabilities: bool = False) -> Any:
        """Segment one picture, or several.

        Args:
            images: a path, an array (H, W, 3) uint8 RGB, an image of Pillow's, or a list of these.
                A file's EXIF orientation is obeyed, as PaddleSeg's reader does.
            probabilities: compute them as well.

        Returns:
            A `Prediction`; of a list, a list of them.

        Raises:
            FileNotFoundError: if a file is missing.
            ValueError: if a picture cannot be read, or there are no scores in the export.
        """
        if isinstance(images, (list, tuple)):
            return list(self.stream(images, probabilities))
        return next(self.stream([images], probabilities))

    def stream(self, images: Iterable[Any], probabilities: bool = False) -> Iterator[Prediction]:
        """Segment pictures one after another, in order; only one batch is held.

        Arguments and errors are those of a call.
        """
        waiting: list[tuple[np.ndarray, Trace]] = []
        for image in images:
            prepared = prepare(read(image), self.bundle.steps)
            if waiting and prepared[0].shape != waiting[0][0].shape:
                yield from self._run(waiting, probabilities)
                waiting = []
            waiting.append(prepared)
            if len(waiting) == self.batch_size:
                yield from self._run(waiting, probabilities)
                waiting = []
        if waiting:
            yield from self._run(waiting, probabilities)

    def _run(
        self, prepared: list[tuple[np.ndarray, Trace]], probabilities: bool
    ) -> Iterator[Prediction]:
        batch = np.stack([image for image, _ in prepared])
        traces = [trace for _, trace in prepared]
        for ids, scores in self.bundle.segment(batch, traces, probabilities):
            yield Prediction(ids, scores)


def read(image: Any) -> np.ndarray:
    """Return a picture as (H, W, 3) uint8 RGB.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if it cannot be read, or is no picture.
    """
    if isinstance(image, (str, os.PathLike)):
        if not Path(image).is_file():
            raise FileNotFoundError(f"The image {image} does not exist.")
        return read_untrusted(image)
    if isinstance(image, Image.Image):
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    return check_image(image)
