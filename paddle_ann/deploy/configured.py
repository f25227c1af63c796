"""What an export takes from a PaddleSeg YAML: preparation, class names, colours, pictures."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from paddleseg.cvlibs import SegBuilder, manager
from paddleseg.utils import logger

from paddle_ann import visualize
from paddle_ann.deploy.preprocessing import check_same_normalize

PICTURES = 3


def settings_of(builder: SegBuilder) -> dict[str, Any]:
    """Return the keyword arguments of `export` that a configuration knows.

    Where the validation data is there, its first pictures are what the export is compared on, and
    the data set tells the classes; without it the data set's class may know their names.

    Raises:
        ValueError: if training and validation normalise differently, or without exactly one
            Normalize each.
    """
    sections = {name: builder.config.dic[f"{name}_dataset"] for name in ("train", "val")}
    transforms = sections["val"].get("transforms") or []
    check_same_normalize(sections["train"].get("transforms") or [], transforms)
    known: dict[str, Any] = {"transforms": transforms}
    if os.path.isdir(str(sections["val"].get("dataset_root"))):
        dataset = builder.val_dataset
        known["classes"] = visualize.class_names(dataset)
        known["palette"] = _or_none(visualize.class_palette(dataset), dataset.num_classes)
        known["images"] = [item[0] for item in dataset.file_list[:PICTURES]]
        return known
    logger.info(
        f"The validation data, {sections['val'].get('dataset_root')}, is not there: the export is "
        "compared on generated pictures, unless you give some (--image_path)."
    )
    kind = manager.DATASETS[sections["val"]["type"]]
    count = int(builder.model.head.cls.weight.shape[0])
    for name, attribute in (("classes", "CLASS_NAMES"), ("palette", "PALETTE")):
        known[name] = _or_none(getattr(kind, attribute, ()), count)
    return known


def _or_none(values: Any, count: int) -> Any:
    return values if len(np.asarray(values)) == count else None
