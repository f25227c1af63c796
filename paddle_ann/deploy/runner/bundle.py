"""An exported network with all that is needed to use it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .description import check_sum, read_description, read_sums
from .engines import ENGINES, Run, graph_files, installed, open_engine
from .files import check_image
from .prepare import Trace, prepare, restore


class Bundle:
    """An exported folder, opened in one engine.

    Args:
        folder: the exported folder.
        engine: "onnxruntime", "openvino" or "paddle"; by default the first of them that is
            installed and whose graph the folder holds.
        threads: how many threads compute; all cores by default.
        precision: "fp32", or "bf16" with OpenVINO: faster on processors that have it, and less
            exact.

    Attributes:
        classes: the names of the classes.
        palette: their colours, (num_classes, 3) uint8 RGB.
        outputs: what the graph gives, of "argmax", "softmax" and "logits".
        steps: how images are prepared.
        engine: the engine in use.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if one is damaged or changed.
        ImportError: if the engine, or any, is not installed.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        engine: str | None = None,
        threads: int | None = None,
        precision: str = "fp32",
    ) -> None:
        self.folder = Path(folder)
        description = read_description(self.folder)
        self.classes = tuple(description["classes"])
        self.palette = np.asarray(description["palette"], np.uint8)
        self.outputs = tuple(description["outputs"])
        self.steps = description["preprocessing"]
        self.engine = list_engines(self.folder)[0] if engine is None else engine
        self._run = open_checked(self.engine, self.folder, threads, precision)

    @property
    def scores(self) -> str | None:
        """The output that probabilities can be had from, if there is one."""
        return next((name for name in ("logits", "softmax") if name in self.outputs), None)

    def run(self, batch: np.ndarray, output: str) -> np.ndarray:
        """Run the graph on prepared images (N, 3, H, W) float32; returns one of `outputs`."""
        return self._run(batch, self.outputs.index(output))

    def predict(self, rgb: np.ndarray) -> np.ndarray:
        """Classify every pixel of an image.

        Where preparing resizes, scores are resized back before the largest is taken, as
        PaddleSeg's predict does; an export with "argmax" alone resizes class numbers.

        Args:
            rgb: (H, W, 3) uint8.

        Returns:
            (H, W) int32.
        """
        image, trace = prepare(check_image(rgb), self.steps)
        return self.segment(image[None], [trace])[0][0]

    def probabilities(self, rgb: np.ndarray) -> np.ndarray:
        """Compute each class's probability at every pixel of an image.

        Args:
            rgb: (H, W, 3) uint8.

        Returns:
            (num_classes, H, W) float32; they sum to 1 over the classes.

        Raises:
            ValueError: if the bundle was exported without scores.
        """
        image, trace = prepare(check_image(rgb), self.steps)
        probabilities = self.segment(image[None], [trace], probabilities=True)[0][1]
        return np.asarray(probabilities)

    def segment(
        self, batch: np.ndarray, traces: Sequence[Trace], probabilities: bool = False
    ) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Segment prepared images, and bring the results back to their sizes.

        Args:
            batch: (N, 3, H', W') float32.
            traces: how each was prepared, as `prepare` tells.
            probabilities: compute them as well.

        Returns:
            For each image class numbers (H, W) int32 and, if asked for, (num_classes, H, W).

        Raises:
            ValueError: if there are no scores to compute probabilities from.
        """
        if probabilities and self.scores is None:
            raise ValueError(
                f"{self.folder} was exported with class numbers alone. Export it with the output "
                '"logits" or "softmax" to get probabilities.'
            )
        resized = any(what == "resize" for trace in traces for what, _, _ in trace)
        if "argmax" in self.outputs and not probabilities and not (resized and self.scores):
            maps = self.run(batch, "argmax")
            return [(restore(one, t).astype(np.int32), None) for one, t in zip(maps, traces)]
        results = []
        for one, trace in zip(self.run(batch, str(self.scores)), traces):
            scores = restore(one, trace)
            ids = scores.argmax(0).astype(np.int32)
            if probabilities and self.scores == "logits":
                scores = softmax(scores)
            results.append((ids, scores if probabilities else None))
        return results


def list_engines(folder: Path) -> list[str]:
    """List the engines that are installed and whose graph is there, at least one.

    Raises:
        ImportError: if there is none.
    """
    wanted = [e for e in ENGINES if all(file.is_file() for file in graph_files(e, folder))]
    found = [engine for engine in wanted if installed(engine)]
    if not found:
        raise ImportError(
            f"Nothing that runs {folder} is installed: pip install {(wanted or ENGINES)[0]}"
        )
    return found


def check_files(engine: str, folder: Path) -> None:
    """Raise unless the files that an engine reads are what was exported.

    Raises:
        FileNotFoundError: if one is missing.
        ValueError: if one is damaged or changed.
    """
    sums = read_sums(folder)
    for path in graph_files(engine, folder):
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing, which {engine} needs.")
        check_sum(path, path.read_bytes(), sums)


def open_checked(
    engine: str, folder: Path, threads: int | None = None, precision: str = "fp32"
) -> Run:
    """Open the graph once its files are known to be what was exported; errors of both."""
    check_files(engine, folder)
    return open_engine(engine, folder, threads, precision)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits (C, H, W) into probabilities."""
    powers = np.exp(logits - logits.max(0))
    return np.asarray(powers / powers.sum(0))
