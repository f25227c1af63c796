"""Running the model and each engine on the same pictures, at odd sizes and in batches.

Each side prepares the pictures itself: the model by the transforms that were given, Paddle's graph
by what is written in `deploy.yaml`, ONNX by what is written in the bundle. So a preparation that
was stored wrongly shows as a difference, as a wrong graph does.
"""

from __future__ import annotations

import copy
import importlib.metadata
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import nn
from paddleseg.utils import logger
from PIL import Image

from paddle_ann.deploy import preprocessing, writing
from paddle_ann.deploy.conversion import run_child
from paddle_ann.deploy.parity import Report, Row
from paddle_ann.deploy.runner.description import read_description
from paddle_ann.deploy.runner.engines import installed
from paddle_ann.deploy.runner.prepare import prepare

SHAPES = ((1, 65, 97), (1, 127, 63), (2, 71, 53), (5, 33, 49), (1, 8, 23))  # N, H, W
MOST_PICTURES = 3  # that are also tried whole, at their own size

Build = Callable[[Sequence[Any]], preprocessing.Prepare]  # transforms -> how to prepare


class Batch(NamedTuple):
    """Pictures, and what the model makes of them.

    Attributes:
        name: the size, and whose.
        images: (H, W, 3) uint8 RGB, all of one size.
        whole: prepared by all transforms; else only normalised, so that the size stays odd.
        prepared: (N, 3, H', W') as the model's own transforms make it.
        logits: (N, num_classes, H', W') of the model.
    """

    name: str
    images: list[np.ndarray]
    whole: bool
    prepared: np.ndarray
    logits: np.ndarray


def choose_batches(images: Sequence[np.ndarray]) -> list[tuple[str, list[np.ndarray], bool]]:
    """Make batches of odd sizes out of some pictures, and take the first pictures as they are.

    Returns:
        name, images and whole, as `Batch` has them.
    """
    chosen = []
    for count, height, width in SHAPES:
        several = [Image.fromarray(images[index % len(images)]) for index in range(count)]
        arrays = [np.asarray(image.resize((width, height))) for image in several]
        chosen.append((f"{count}x{height}x{width}", arrays, False))
    for number, image in enumerate(images[:MOST_PICTURES], 1):
        chosen.append((f"picture {number}, {image.shape[0]}x{image.shape[1]}", [image], True))
    return chosen


def run_model(model: nn.Layer, transforms: Any, images: Sequence[np.ndarray]) -> list[Batch]:
    """Run the model itself, eagerly.

    Args:
        model: in eval mode.
        transforms: of PaddleSeg's, as given.
        images: (H, W, 3) uint8 RGB.
    """
    items = preprocessing.list_transforms(transforms)
    batches = []
    for name, arrays, whole in choose_batches(images):
        logger.info(f"Export: the model on {name}")
        prepared = prepare_batch(items, arrays, whole, preprocessing.compose)
        with paddle.no_grad():
            logits = model(paddle.to_tensor(prepared))[0].numpy()
        batches.append(Batch(name, arrays, whole, prepared, logits))
    return batches


def prepare_batch(
    items: Sequence[Any], images: Sequence[np.ndarray], whole: bool, build: Build
) -> np.ndarray:
    """Prepare a batch by some transforms, or by their Normalize alone: (N, 3, H, W) float32."""
    how = build(items if whole else preprocessing.values_only(items))
    return np.stack([how(image) for image in images])


def by_runner(steps: Sequence[dict[str, Any]]) -> preprocessing.Prepare:
    """Prepare as the bundle's own runner does."""
    return lambda rgb: prepare(rgb, steps)[0]


def prepare_as(engine: str, folder: Path, batch: Batch) -> np.ndarray:
    """Prepare a batch as is written in the export for an engine: (N, 3, H, W) float32."""
    if engine == "paddle":
        items, build = writing.read_deploy_yaml(folder), preprocessing.compose
        return prepare_batch(items, batch.images, batch.whole, build)
    steps = read_description(folder)["preprocessing"]
    return prepare_batch(steps, batch.images, batch.whole, by_runner)


def own_rounding(model: nn.Layer, batches: Sequence[Batch]) -> float:
    """Measure how far the model's output moves when each of its weights is rounded once more.

    No engine can be expected to come nearer. For most networks that is a few roundings; in a deep
    one of random weights attention may jump from one position to another.

    Returns:
        The largest change, of the largest logit of its batch.
    """
    logger.info("Export: how sensitive to rounding is the model itself?")
    rounded, largest = copy.deepcopy(model), 0.0
    random = np.random.RandomState(0)
    for _ in range(2):
        for tensor in rounded.state_dict().values():
            values = tensor.numpy()
            signs = random.choice([-1, 1], values.shape)
            tensor.set_value((values * (1 + signs * 2.0**-24)).astype(values.dtype))
        for batch in batches:
            with paddle.no_grad():
                moved = rounded(paddle.to_tensor(batch.prepared))[0].numpy() - batch.logits
            largest = max(largest, float(np.abs(moved).max() / np.abs(batch.logits).max()))
    return largest


def compare_all(
    engines: Sequence[str],
    folder: Path,
    batches: Sequence[Batch],
    outputs: Sequence[str],
    tolerance: float,
) -> Report:
    """Compare every engine, those that are not installed excepted; see `compare`."""
    rows = [compare(engine, folder, batches, outputs, tolerance) for engine in engines]
    return Report(rows, [batch.name for batch in batches], tolerance)


def compare(
    engine: str, folder: Path, batches: Sequence[Batch], outputs: Sequence[str], tolerance: float
) -> Row:
    """Run an exported folder in an engine, in a process of its own, and compare with the model.

    Args:
        engine: as `runner.engines` names it.
        folder: the export.
        batches: what to run on.
        outputs: what the graph gives.
        tolerance: a difference that counts as none, of the largest logit.

    Raises:
        RuntimeError: if the engine cannot run the export.
    """
    if not installed(engine):
        return Row(engine, "")
    row = Row(engine, _version(engine))
    logger.info(f"Export: {engine} {row.version} on {len(batches)} batches")
    inputs = [prepare_as(engine, folder, batch) for batch in batches]
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch, "inputs.npz"), Path(scratch, "outputs.npz")
        np.savez(source, **{str(number): array for number, array in enumerate(inputs)})
        run_child(
            ["-m", "runner.trial", engine, folder, source, target],
            f"{engine} {row.version} cannot run the export",
            folder,
        )
        with np.load(target, allow_pickle=False) as results:
            for number, batch in enumerate(batches):
                for output in outputs:
                    got = results[f"{number}.{output}"]
                    row.add(batch.name, batch.logits, output, got, tolerance)
    return row


def _version(engine: str) -> str:
    if engine == "paddle":
        return str(paddle.__version__)
    return importlib.metadata.version(engine)
