"""What `export` is given, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from paddle import nn

from paddle_ann.datasets import toy_voc
from paddle_ann.deploy.runner.engines import installed

ENGINES = {"paddle": ("paddle",), "onnx": ("onnxruntime", "openvino")}  # that run a format


def check_choice(name: str, given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return what was chosen, or raise ValueError if it is nothing, unknown or named twice."""
    chosen = (given,) if isinstance(given, str) else tuple(given)
    if not chosen or len(set(chosen)) < len(chosen) or set(chosen) - set(known):
        raise ValueError(
            f"{name} must be some of {', '.join(known)}, each once; received {given!r}."
        )
    return chosen


def check_tolerance(tolerance: float) -> None:
    """Raise ValueError if no difference, or any, would pass."""
    if not 0 < tolerance < 1:
        raise ValueError(
            "tolerance is a share of the largest logit, above 0 and below 1, e.g. 1e-4; received "
            f"{tolerance!r}."
        )


def find_engines(formats: Sequence[str]) -> list[str]:
    """List the engines to compare, those that are not installed as well.

    Raises:
        ImportError: if there is none that could prove one of the formats.
    """
    for name in formats:
        if not any(map(installed, ENGINES[name])):
            raise ImportError(
                f"None of {', '.join(ENGINES[name])} is installed, so the export to {name} could "
                f"not be proved: pip install {ENGINES[name][0]}, or leave the format out."
            )
    return [engine for name in formats for engine in ENGINES[name]]


def describe_classes(
    model: nn.Layer, classes: Sequence[str] | None, palette: Any
) -> tuple[list[str], list[list[int]]]:
    """Return a name and a colour for each class.

    Args:
        model: with a head whose last convolution is `cls`.
        classes: names, or None for "class 0" and so on.
        palette: (num_classes, 3) from 0 to 255, or None for Pascal VOC's colours.

    Raises:
        TypeError: if a name is no text.
        ValueError: if there are not as many as the model has classes, or a colour is out of range.
    """
    count = int(model.head.cls.weight.shape[0])
    names = [f"class {index}" for index in range(count)] if classes is None else list(classes)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"classes must be names; received {names!r}.")
    if len(names) != count:
        raise ValueError(
            f"classes must name the {count} classes of the model; received {len(names)}: {names}."
        )
    voc = np.resize(np.reshape(toy_voc.VOC_PALETTE, (-1, 3)), (count, 3))
    colors = np.asarray(voc if palette is None else palette)
    if colors.shape != (count, 3) or not np.isin(colors, np.arange(256)).all():
        raise ValueError(
            f"palette must be R, G, B from 0 to 255 for each of the {count} classes; received the "
            f"shape {list(colors.shape)}."
        )
    return names, colors.astype(int).tolist()
