"""Data sets that a training would hang on, fail of late or not learn from, refused at its start."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from paddleseg.utils import logger

from paddle_ann.engine import processes


def check_enough_samples(dataset: Any, batch_size: int, world: int, accumulate: int = 1) -> None:
    """Refuse a training set that has no whole batch: a training over it would have no iteration.

    Raises:
        ValueError: naming both numbers.
    """
    samples = len(dataset)
    if math.ceil(samples / world) >= batch_size * accumulate:
        return
    devices = f"{world} device{'s' if world > 1 else ''}"
    if accumulate > 1:
        raise ValueError(
            f"The training set has {samples} samples, fewer than one update: batch_size "
            f"{batch_size}, {accumulate} batches accumulated, on {devices}. Lower accumulate or "
            "batch_size, or add samples."
        )
    raise ValueError(
        f"The training set has {samples} samples, fewer than one batch: batch_size {batch_size} on "
        f"{devices}. Lower batch_size to {max(samples // world, 1)} or less, or add samples."
    )


def check_data(name: str, dataset: Any) -> None:
    """Look at the files and at samples of a data set, and log what is suspicious.

    Args:
        name: what the data set is called in messages.
        dataset: a data set, or None.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if one cannot be used.
    """
    from paddle_ann.datasets.check import check_dataset

    if dataset is None:
        return
    with processes.connect().during(f"checking {name}"):
        warnings = check_dataset(dataset).warnings
    for warning in warnings:
        logger.warning(f"{name}: {warning}")


def check_labelled(dataset: Any) -> None:
    """Refuse a validation set without one labelled pixel; look at samples until there is one.

    Raises:
        ValueError: naming the data set and what to check.
    """
    if dataset is None:
        return
    ignore_index = getattr(dataset, "ignore_index", 255)
    for index in range(len(dataset)):
        if (np.asarray(dataset[index]["label"]) != ignore_index).any():
            return
    raise ValueError(
        f"The validation set {type(dataset).__name__} has {len(dataset)} samples and not one "
        "labelled pixel: there is nothing to evaluate. Check its list file, and that its masks "
        f"hold more than ignore_index {ignore_index}."
    )
