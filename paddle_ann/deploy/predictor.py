"""An exported network, used from Python: pictures in, class numbers at their own size out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from paddle_ann.deploy.augment import average, views
from paddle_ann.deploy.choosing import open_fastest
from paddle_ann.deploy.prediction import Prediction, check_keep, join, summarise
from paddle_ann.deploy.reading import Prepared, open_rows, read
from paddle_ann.deploy.runner import Bundle
from paddle_ann.deploy.runner.bundle import softmax
from paddle_ann.deploy.runner.engines import ENGINES
from paddle_ann.deploy.runner.prepare import prepare, restore
from paddle_ann.deploy.tiles import blend, check_tile, starts


class Predictor:
    """An exported folder, opened in one engine.

    Args:
        path: the folder that `export` made.
        engine: "onnxruntime", "openvino", "paddle", or "auto": of those that are installed and
            whose graph the folder holds, the fastest on this machine. That is measured the first
            time, which takes seconds, and remembered; see `choosing`.
        threads: how many threads compute; all cores by default.
        precision: "fp32", or "bf16", which OpenVINO computes on processors that have it: faster,
            and less exact.
        batch_size: pictures in a row that have one size once they are prepared run together, up to
            this many; with `tile`, so many tiles of one picture do.
        tile: side in pixels of a window that slides over the picture, at its own size; None: the
            whole picture at once.
        overlap: the share of a tile that the next one covers again, from 0 to 0.9.
        scales: average over these sizes of the picture, each from 0.05 to 20.
        flip_horizontal: average with the mirror image.
        flip_vertical: average with the picture upside down.

    Attributes:
        bundle: class names, palette and preparation.
        engine: the engine in use.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if one is damaged, or an argument is out of its range or of no use for this
            export.
        ImportError: if the engine is not installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        engine: str = "auto",
        threads: int | None = None,
        batch_size: int = 1,
        tile: int | None = None,
        overlap: float = 0.25,
        scales: Sequence[float] = (1.0,),
        flip_horizontal: bool = False,
        flip_vertical: bool = False,
        precision: str = "fp32",
    ) -> None:
        if engine not in ("auto", *ENGINES):
            raise ValueError(
                f"engine must be auto or one of {', '.join(ENGINES)}; received {engine!r}."
            )
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size must be an integer of at least 1; received {batch_size}.")
        self._tile = None if tile is None else check_tile(tile, overlap)
        self._views = views(scales, flip_horizontal, flip_vertical)
        if engine == "auto" and precision == "fp32":
            self.bundle = open_fastest(path, threads)
        else:
            named = "openvino" if engine == "auto" else engine
            self.bundle = Bundle(path, named, threads, precision)
        self.engine = self.bundle.engine
        self.batch_size = batch_size
        self._averages = self._views != [(1.0, ())]
        if self._tile or self._averages:
            self._check_scores("tile, scales and flips need")
        if self._tile:
            self._check_sizes()

    def __call__(self, images: Any, keep: str | Sequence[str] = ()) -> Any:
        """Segment one picture, or several.

        Args:
            images: a path, an array (H, W, 3) uint8 RGB, an image of Pillow's, or a list of these.
                A file's EXIF orientation is obeyed, as PaddleSeg's reader does.
            keep: what to give beside class numbers: "probabilities", "scores", "confidence",
                "entropy", or several of them.

        Returns:
            A `Prediction`; of a list, a list of them.

        Raises:
            FileNotFoundError: if a file is missing.
            ValueError: if a picture cannot be read, or there is no such thing to keep.
        """
        if isinstance(images, (list, tuple)):
            return list(self.stream(images, keep))
        return next(self.stream([images], keep))

    def stream(self, images: Iterable[Any], keep: str | Sequence[str] = ()) -> Iterator[Prediction]:
        """Segment pictures one after another, in order; only one batch is held.

        Arguments and errors are those of a call.
        """
        return (found for _, found in self.segment(map(self.prepare, images), keep))

    @property
    def tiled(self) -> bool:
        """Whether a window slides over the picture."""
        return self._tile is not None

    def prepare(self, image: Any) -> Prepared:
        """Read a picture and prepare it, as one thread may do while another runs the network.

        Argument and errors are those of a call.
        """
        if self._tile:
            return Prepared(image, open_rows(image), np.empty(0), [])
        rgb = read(image)
        return Prepared(image, rgb, *prepare(rgb, self.bundle.steps))

    def segment(
        self, prepared: Iterable[Prepared], keep: str | Sequence[str] = ()
    ) -> Iterator[tuple[Prepared, Prediction]]:
        """Run the network on prepared pictures, in order, and give each with its result.

        Raises:
            ValueError: if there is no such thing to keep.
        """
        names = self._check_keep(keep)
        if self._tile:
            return ((one, join([part for _, part in self._bands(one, names)])) for one in prepared)
        return self._batches(prepared, names)

    def bands(
        self, prepared: Prepared, keep: str | Sequence[str] = ()
    ) -> Iterator[tuple[int, Prediction]]:
        """Segment one picture, and give its rows as they are finished, from top to bottom.

        With `tile`, no more than one row of tiles is held, so the size of the picture does not
        matter; without, all rows come at once.

        Yields:
            The first row's number, and the result for some rows.
        """
        names = self._check_keep(keep)
        if self._tile:
            return self._bands(prepared, names)
        return ((0, found) for _, found in self._batches([prepared], names))

    def count_bands(self, prepared: Prepared) -> int:
        """Count the times that `bands` gives rows."""
        if self._tile is None:
            return 1
        size, stride = self._tile
        return len(starts(prepared.rows.shape[0], size, stride))

    def _bands(self, prepared: Prepared, keep: Sequence[str]) -> Iterator[tuple[int, Prediction]]:
        size, stride = self._tile or (0, 0)

        def run(tiles: np.ndarray) -> np.ndarray:
            batch = np.stack([prepare(tile, self.bundle.steps)[0] for tile in tiles])
            return average(batch, self._scores, self._softmax, self._views)

        def finish(rows: np.ndarray) -> Prediction:
            return summarise(rows, keep)

        return blend(prepared.rows, size, stride, run, finish, self.batch_size)

    def group(self, prepared: Iterable[Prepared]) -> Iterator[list[Prepared]]:
        """Put pictures in a row together that can run together; order is kept."""
        waiting: list[Prepared] = []
        for one in prepared:
            if waiting and one.image.shape != waiting[0].image.shape:
                yield waiting
                waiting = []
            waiting.append(one)
            if len(waiting) == self.batch_size:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def _batches(
        self, prepared: Iterable[Prepared], keep: Sequence[str]
    ) -> Iterator[tuple[Prepared, Prediction]]:
        for batch in self.group(prepared):
            yield from zip(batch, self._run(batch, keep))

    def run(self, batch: list[Prepared], keep: str | Sequence[str] = ()) -> list[Prediction]:
        """Run the network once, on pictures that `group` put together.

        Raises:
            ValueError: if there is no such thing to keep.
        """
        return list(self._run(batch, self._check_keep(keep)))

    def _run(self, prepared: list[Prepared], keep: Sequence[str]) -> Iterator[Prediction]:
        batch = np.stack([one.image for one in prepared])
        traces = [one.trace for one in prepared]
        if self._averages:
            for one, trace in zip(average(batch, self._scores, self._softmax, self._views), traces):
                yield summarise(restore(one, trace), keep)
        elif keep:
            for one, trace in zip(self._scores(batch), traces):
                scores = restore(one, trace)
                yield summarise(self._softmax(scores), keep, scores)
        else:
            for ids, _ in self.bundle.segment(batch, traces):
                yield Prediction(ids=ids)

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        return self.bundle.run(batch, str(self.bundle.scores))

    def _softmax(self, scores: np.ndarray) -> np.ndarray:
        return softmax(scores) if self.bundle.scores == "logits" else scores

    def _check_keep(self, keep: str | Sequence[str]) -> tuple[str, ...]:
        names = check_keep(keep)
        if names:
            self._check_scores(f"{', '.join(names)} can be had only with")
        if "scores" in names and (self._tile or self._averages or self.bundle.scores != "logits"):
            raise ValueError(
                "scores are the network's own logits: they can be had of an export with the output "
                '"logits", without tile, scales and flips. Ask for probabilities.'
            )
        return names

    def _check_scores(self, what: str) -> None:
        if self.bundle.scores is None:
            raise ValueError(
                f"{what} an export with scores, and {self.bundle.folder} has class numbers alone. "
                'Export it with the output "logits" or "softmax".'
            )

    def _check_sizes(self) -> None:
        steps = self.bundle.steps
        others = [step["type"] for step in steps if step["type"] != "Normalize"]
        if others:
            alone = [step for step in steps if step["type"] == "Normalize"]
            raise ValueError(
                f"tile slides over the picture at its own size, and {self.bundle.folder} was "
                f"exported with {', '.join(others)}, which change it. If the network was trained "
                "on pictures made smaller, leave tile out: in tiles it would see everything larger "
                "than ever in training. If it was trained on crops, export it with Normalize "
                f'alone: tools/export.py … --opts "val_dataset.transforms={alone}".'
            )
