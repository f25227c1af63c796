"""The data sets of a PaddleSeg YAML as a plan. The one part that needs Paddle."""

from __future__ import annotations

import contextlib
import copy
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from paddleseg.cvlibs import Config, SegBuilder, manager
from paddleseg.cvlibs.config_checker import ConfigChecker
from paddleseg.datasets import Dataset
from paddleseg.transforms import Compose
from PIL import Image

from paddle_ann.config import load
from paddle_ann.config.components import check_component
from paddle_ann.config.overrides import check_overrides, literal
from paddle_ann.config.reading import check_files
from paddle_ann.datasets import CamVid
from paddle_ann.datasets.audit.plan import Plan, Split, voc_palette

_SIDE = 16  # 256 pixels, one for each value


def from_config(path: str, opts: Sequence[str] | None = None) -> Plan:
    """Reads a YAML and builds its training and validation data sets.

    Args:
        path: The YAML file.
        opts: `key.sub_key=value` items, see `paddle_ann.config.load`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: The YAML is wrong, or a data set's root or list
            is missing. Nothing is downloaded.
    """
    builder = silent_builder(path, opts)
    settings = builder.config
    with _missing_files_allowed():
        datasets = {"train": builder.train_dataset}
        if settings.dic.get("val_dataset"):
            datasets["val"] = builder.val_dataset
    train = datasets["train"]
    own = getattr(train, "PALETTE", None)
    words = ["--config", str(path), *(["--opts", *opts] if opts else [])]
    return Plan(
        [_split(name, dataset) for name, dataset in datasets.items()],
        train.num_classes,
        getattr(train, "ignore_index", 255),
        shlex.join(words),
        tuple(getattr(train, "CLASS_NAMES", ())),
        ((tuple(tuple(c) for c in own),) if own else ()) + (voc_palette(),),
        tuple(settings.dic.get("loss", {}).get("coef", (1, 0.4))),
    )


@contextlib.contextmanager
def _missing_files_allowed() -> Iterator[None]:
    """While it lasts, CamVid does not stop at the first file that is missing."""
    CamVid.require_files = False
    try:
        yield
    finally:
        CamVid.require_files = True


def silent_builder(path: str, opts: Sequence[str] | None = None) -> SegBuilder:
    """PaddleSeg's builder for a YAML, a whole one or one of data sets alone; it prints nothing."""
    return _Silent(_settings(path, opts))


class _Silent(SegBuilder):
    """PaddleSeg's builder, which does not print what it builds."""

    def show_msg(self, *args: Any, **kwargs: Any) -> None:
        """Says nothing."""


def _settings(path: str, opts: Sequence[str] | None) -> Config:
    """A whole configuration, checked; or one of data sets alone, as those in configs/_base_."""
    check_files(Path(path))
    content = Config._parse_from_yaml(str(path))
    if {"model", "loss", "optimizer"} <= set(content):
        return load(path, opts=opts)
    check_overrides(content, opts)
    for section in ("train_dataset", "val_dataset"):
        if content.get(section):
            check_component(content[section], section, manager.DATASETS)
    items = [literal(item) for item in opts] if opts else None
    return Config(str(path), opts=items, checker=ConfigChecker([], allow_update=True))


def _split(name: str, dataset: Any) -> Split:
    pairs = getattr(dataset, "file_list", None)
    if pairs is None:
        raise ValueError(
            f"{name}_dataset ({type(dataset).__name__}) has no file_list of [image, label] paths, "
            "so its files cannot be looked through. Use --list or --images with --masks."
        )
    split = Split(name, [(str(image), str(mask) if mask else None) for image, mask in pairs])
    if not reads_plainly(dataset):
        split.table = table_of(dataset)
        split.color_id = getattr(dataset, "color_id", None)
        if split.table is None and split.color_id is None:
            split.own_reading = type(dataset).__name__
    return split


def reads_plainly(dataset: Any) -> bool:
    """Whether a data set hands masks out as they are stored."""
    return type(dataset).__getitem__ is Dataset.__getitem__


def table_of(dataset: Any) -> tuple[int, ...] | None:
    """What a data set class makes of each mask value, found by handing it a mask of all values.

    Args:
        dataset: Of a class with its own `__getitem__`, such as ADE20K (ids minus 1) or CamVid (11
            becomes 255).

    Returns:
        256 ids; None if its ids do not follow from the values alone, or it reads no PNG.
    """
    values = np.random.default_rng(0).permutation(256).astype(np.uint8).reshape(_SIDE, _SIDE)
    with tempfile.TemporaryDirectory() as folder:
        image, mask = str(Path(folder, "a.png")), str(Path(folder, "b.png"))
        Image.fromarray(np.zeros((_SIDE, _SIDE, 3), np.uint8)).save(image)
        asked = copy.copy(dataset)
        asked.transforms = Compose([], img_channels=getattr(dataset, "img_channels", 3))
        asked.edge, asked.file_list = False, [[image, mask]]
        seen = []
        for given in (values, values.T):
            Image.fromarray(given).save(mask)
            try:
                label = np.asarray(asked[0]["label"]).reshape(_SIDE, _SIDE)
            except Exception:  # a class that wants other files
                return None
            made = np.empty(256, np.int64)
            made[given.ravel()] = label.ravel()
            seen.append(tuple(made.tolist()))
    return seen[0] if seen[0] == seen[1] else None
