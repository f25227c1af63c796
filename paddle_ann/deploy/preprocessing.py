"""The preparation of images, as PaddleSeg's transforms, in the form that an export stores.

Normalisation is where deployments go wrong without an error, so it is looked at closely: there must
be exactly one `Normalize`, the same in training and validation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import paddleseg.transforms as T
from paddleseg.cvlibs import manager

from paddle_ann.deploy.runner.steps import check_steps

Prepare = Callable[[np.ndarray], np.ndarray]  # (H, W, 3) uint8 RGB -> (3, H', W') float32


def describe(transforms: Any) -> list[dict[str, Any]]:
    """Return the transforms as an export stores them, every default filled in.

    Args:
        transforms: the list under `val_dataset.transforms` of a YAML, or PaddleSeg's transform
            objects in a list or a `Compose`.

    Raises:
        TypeError: if it is none of these.
        ValueError: if a transform cannot be exported, or there is not exactly one Normalize.
    """
    steps = check_steps([_settings(item) for item in list_transforms(transforms)])
    find_normalize(steps, "transforms")
    return steps


def list_transforms(transforms: Any) -> list[Any]:
    """Return the transforms, or their settings, one by one.

    Raises:
        TypeError: if it is no list or `Compose` of them.
        ValueError: if the `Compose` gives no RGB.
    """
    if isinstance(transforms, T.Compose):
        if not transforms.to_rgb or transforms.img_channels != 3:
            raise ValueError("transforms must give three channels, RGB: Compose(..., to_rgb=True).")
        return list(transforms.transforms)
    if not isinstance(transforms, (list, tuple)):
        raise TypeError(
            "transforms must be a list of PaddleSeg's transforms, or their settings as in YAML; "
            f"received {type(transforms).__name__}."
        )
    return list(transforms)


def _settings(item: Any) -> dict[str, Any]:
    if isinstance(item, dict):
        return {key: _plain(value) for key, value in item.items()}
    kind = type(item)
    if manager.TRANSFORMS.components_dict.get(kind.__name__) is not kind:
        raise TypeError(
            f"transforms holds a {kind.__name__}, which is no transform of PaddleSeg's."
        )
    names = [name for name in inspect.signature(kind).parameters if hasattr(item, name)]
    return {"type": kind.__name__, **{name: _plain(getattr(item, name)) for name in names}}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def find_normalize(steps: Sequence[dict[str, Any]], where: str) -> dict[str, Any]:
    """Return the only Normalize among the steps.

    Raises:
        ValueError: if there is none, or there are several.
    """
    found = [step for step in steps if step.get("type") == "Normalize"]
    if len(found) != 1:
        raise ValueError(
            f"{where} must hold exactly one Normalize, the one that the network was trained with; "
            f"there are {len(found)}. A network that was trained on values from 0 to 255 has "
            "Normalize(mean=[0, 0, 0], std=[1/255, 1/255, 1/255])."
        )
    return found[0]


def check_same_normalize(train: Sequence[dict[str, Any]], val: Sequence[dict[str, Any]]) -> None:
    """Raise ValueError if a configuration trains with one Normalize and validates with another.

    Args:
        train: the settings under `train_dataset.transforms`.
        val: those under `val_dataset.transforms`.
    """
    pair = [
        find_normalize(steps, f"{name}_dataset.transforms")
        for name, steps in (("train", train), ("val", val))
    ]
    defaults = {"mean": [0.5], "std": [0.5]}
    values = [
        [np.broadcast_to(step.get(name, defaults[name]), 3).tolist() for name in defaults]
        for step in pair
    ]
    if values[0] != values[1]:
        raise ValueError(
            "The configuration normalises the training images by mean, std = "
            f"{values[0]} and the validation images by {values[1]}; the network would see other "
            "values than it was trained on. Make them the same."
        )


def compose(items: Sequence[Any]) -> Prepare:
    """Build the preparation by PaddleSeg's own transforms, for images that are in memory.

    Args:
        items: transforms, or their settings.
    """
    call = T.Compose([_build(item) for item in items], to_rgb=False)
    return lambda rgb: np.asarray(call({"img": rgb.astype(np.float32)})["img"], np.float32)


def _build(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    settings = dict(item)
    return manager.TRANSFORMS[settings.pop("type")](**settings)


def values_only(items: Sequence[Any]) -> list[Any]:
    """Leave out what changes the size."""
    return [
        item
        for item in items
        if (item["type"] if isinstance(item, dict) else type(item).__name__) == "Normalize"
    ]
