"""Names and colours of a data set's classes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import paddle
from paddleseg.cvlibs import SegBuilder, manager

from paddle_ann.datasets import toy_scenes, toy_voc
from paddle_ann.datasets.class_names import CLASS_NAMES

__all__ = ["class_names", "class_palette", "configured_classes"]


def class_names(dataset: paddle.io.Dataset) -> tuple[str, ...]:
    """Returns the names of a data set's classes, or numbers.

    They are its own (`CLASS_NAMES`), the toy shapes', or those that are known of PaddleSeg's class.
    """
    if hasattr(dataset, "CLASS_NAMES"):
        return tuple(dataset.CLASS_NAMES)
    root = getattr(dataset, "dataset_root", None)  # other data sets than PaddleSeg's have none
    if root is not None and os.path.isfile(Path(root, "toy_voc.json")):
        return toy_scenes.CLASS_NAMES
    names = _published(type(dataset))
    if len(names) == dataset.num_classes:
        return names
    return tuple(f"class {index}" for index in range(dataset.num_classes))


def class_palette(dataset: paddle.io.Dataset) -> np.ndarray:
    """Returns the colours of a data set's classes, (num_classes, 3) uint8 RGB; else VOC's."""
    voc = np.reshape(toy_voc.VOC_PALETTE, (-1, 3))
    colors = getattr(dataset, "PALETTE", voc)
    return np.asarray(colors, np.uint8)[: dataset.num_classes]


def configured_classes(builder: SegBuilder) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns names and colours of a configuration's classes, whether its data is there or not.

    Without the data, the class of the validation data set may know them; what it does not know is
    left out of the names, and has VOC's colours.
    """
    section = builder.config.dic["val_dataset"]
    if os.path.isdir(str(section.get("dataset_root"))):
        return class_names(builder.val_dataset), class_palette(builder.val_dataset)
    kind = manager.DATASETS[section["type"]]
    palette = getattr(kind, "PALETTE", np.reshape(toy_voc.VOC_PALETTE, (-1, 3)))
    names = getattr(kind, "CLASS_NAMES", _published(kind))
    return tuple(names), np.asarray(palette, np.uint8)


def _published(kind: type) -> tuple[str, ...]:
    """Returns the names of PaddleSeg's own data set that a class is, or is derived from."""
    known = [base.__name__ for base in kind.__mro__ if base.__module__.startswith("paddleseg.")]
    return next((CLASS_NAMES[name] for name in known if name in CLASS_NAMES), ())
