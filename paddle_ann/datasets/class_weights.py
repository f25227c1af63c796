"""Median-frequency class weights of a training set, for the loss.

Eigen and Fergus, ICCV 2015; as Badrinarayanan, Kendall and Cipolla (SegNet, 2017) use them for
CamVid. The formula is `audit.balance.median_frequency`; here the masks are counted, the weights are
shown, and `weight: median_frequency` of a loss in a YAML is replaced by them.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import numpy as np
from paddleseg.transforms import Compose
from paddleseg.utils import logger

from paddle_ann.datasets import images
from paddle_ann.datasets.audit.balance import Counts, median_frequency
from paddle_ann.datasets.audit.configured import reads_plainly, table_of
from paddle_ann.datasets.audit.sample import count_values
from paddle_ann.datasets.audit.scan import Progress, each, final_values
from paddle_ann.datasets.check_files import ONE_CHANNEL, judge

WORD = "median_frequency"


def count(dataset: Any, num_workers: int = 0, stream: TextIO | None = None) -> Counts:
    """Counts the pixels of each class in every mask, as the data set class hands it out.

    Args:
        dataset: PaddleSeg data set with `file_list` [(image, mask), …], `num_classes` and
            `ignore_index`. Its transforms have no part in the count.
        num_workers: Processes that read; 0 for this one.
        stream: Where progress goes; None for nowhere.

    Returns:
        The counts; ignored pixels count for no class.

    Raises:
        FileNotFoundError: A mask is missing.
        ValueError: A mask is damaged or holds an id that is no class; or there is no mask.
    """
    masks = [str(mask) for _, mask in getattr(dataset, "file_list", []) if mask]
    if not masks:
        raise ValueError(f"{type(dataset).__name__} has no masks to count classes in.")
    ignore_index = getattr(dataset, "ignore_index", 255)
    counts, bare = Counts.zero(dataset.num_classes), _without_transforms(dataset)
    progress = Progress("counting classes", len(masks), stream)
    for index, (path, held) in enumerate(zip(masks, _values(dataset, masks, num_workers))):
        if held is None:
            held = _values_as_read(bare, index)
        judge(held, path, dataset.num_classes, ignore_index)
        counts.add(held, ignore_index)
        progress.step()
    progress.end()
    return counts


def _values(
    dataset: Any, masks: Sequence[str], num_workers: int
) -> Iterator[dict[int, int] | None]:
    """Pixels of each id, mask by mask; None where only the data set knows how to read it."""
    table = None
    if not reads_plainly(dataset):
        table = table_of(dataset)
        if table is None:
            yield from (None for _ in masks)
            return
    for held in each(_stored_values, iter(masks), num_workers):
        yield None if held is None else final_values(held, table)


def _stored_values(path: str) -> dict[int, int] | None:
    """Pixels of each value of a mask of one channel; None for a colour mask."""
    with images.open_image(path) as mask:
        return count_values(images.pixels(mask, path)) if mask.mode in ONE_CHANNEL else None


def _values_as_read(bare: Any, index: int) -> dict[int, int]:
    ids, pixels = np.unique(bare[index]["label"], return_counts=True)
    return dict(zip(ids.tolist(), pixels.tolist()))


def _without_transforms(dataset: Any) -> Any:
    bare = copy.copy(dataset)
    bare.transforms = Compose([], img_channels=getattr(dataset, "img_channels", 3))
    bare.edge = False
    return bare


def table(counts: Counts, names: Sequence[str], weights: np.ndarray) -> str:
    """Shows pixels, images, frequency and weight of each class."""
    width = max(map(len, names))
    total = max(1, int(counts.pixels.sum()))
    lines = [f"{'class':<{width}}  {'pixels':>8}  {'images':>6}  {'frequency':>9}  {'weight':>8}"]
    for index, name in enumerate(names):
        pixels, images_ = int(counts.pixels[index]), int(counts.images[index])
        if not pixels:
            lines.append(
                f"{name:<{width}}  {'0':>8}  {0:>6}  {'absent':>9}  {weights[index]:>8.4f}"
            )
            continue
        frequency = pixels / int(counts.beside[index])
        lines.append(
            f"{name:<{width}}  {pixels / total:>8.3%}  {images_:>6}  {frequency:>9.5f}"
            f"  {weights[index]:>8.4f}"
        )
    return "\n".join(lines)


def fill_in(builder: Any) -> None:
    """Replaces `weight: median_frequency` in a configuration's loss by numbers, in place.

    The training set is built, and its masks are counted once, only if a loss asks for it; what was
    computed is logged.

    Args:
        builder: PaddleSeg's SegBuilder of the configuration, before it builds the losses.

    Raises:
        FileNotFoundError, ValueError: See `count`.
    """
    blocks = loss_blocks(builder.config.dic["loss"])
    wanted = [block for block in blocks if block.get("weight") == WORD]
    if not wanted:
        return
    dataset = builder.train_dataset
    counts = count(dataset, stream=sys.stderr)
    weights = [float(f"{weight:.4g}") for weight in median_frequency(counts, cap=math.inf)]
    absent = int((counts.pixels == 0).sum())
    logger.info(
        f"weight: {WORD} of the {len(dataset.file_list)} training masks is {weights}"
        + (f"; {absent} classes do not occur and have 1." if absent else ".")
    )
    for block in wanted:
        block["weight"] = weights


def loss_blocks(loss: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The blocks in a section `loss`, those in a MixedLoss included."""
    for key in ("types", "losses"):
        blocks = loss.get(key)
        for block in blocks if isinstance(blocks, list) else ():
            if isinstance(block, dict):
                yield block
                yield from loss_blocks(block)
