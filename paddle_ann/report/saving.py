"""From an evaluation that was watched to the files of its report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paddle
from paddleseg.utils import logger

import paddle_ann
from paddle_ann.report import content, files, pictures
from paddle_ann.report.page import page
from paddle_ann.report.recorder import Recorder, Worst
from paddle_ann.visualize import class_names, class_palette

SCRIPTS = ("dom.js", "charts.js", "matrix.js", "report.js")


def save(
    folder: str | Path, result: Any, recorder: Recorder, dataset: Any, source: Mapping[str, Any]
) -> None:
    """Write the report of an evaluation; with several processes called in each, process 0 writes.

    Args:
        folder: receives report.json, images.jsonl and report.html.
        result: of `engine.evaluate(..., watch=recorder)`.
        recorder: that watched it.
        dataset: that was evaluated.
        source: what was evaluated and how, see `describe`.
    """
    found = recorder.found()
    if not recorder.writes:
        return
    names, images = names_of(dataset), pictures.image_names(dataset)
    palette = class_palette(dataset)
    built = content.build(result, found, names, images, palette, source, recorder.ratio)
    shown = [_panels(worst, dataset, palette) for worst in found.worst]
    ramp = ["rgb({}, {}, {})".format(*color) for color in pictures.scale_colors()[::51]]
    data = {"report": built, "pictures": shown, "ramp": ramp}
    html = page(f"Evaluation report: {source.get('model', '')}", SCRIPTS, data)
    rows = files.lines(images, found.matrices, found.contours, names)
    files.write(folder, built, rows, html)
    logger.info(f"The report is {Path(folder, files.PAGE)}.")


def describe(dataset: Any, model: str, config: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a report says of its origin.

    Args:
        dataset: that is evaluated.
        model: file of the weights.
        config: YAML file.
        options: of `engine.evaluate`.
    """
    mode = getattr(dataset, "mode", None)
    chosen = [f"{name} {value}" for name, value in options.items() if value not in (None, False)]
    return {
        "model": model,
        "config": config,
        "data": f"{type(dataset).__name__}{f' {mode}' if mode else ''}",
        "how": ", ".join(chosen) or "whole images, one scale",
        "made": time.strftime("%Y-%m-%d %H:%M"),
        "versions": {"paddle_ann": paddle_ann.__version__, "paddle": paddle.__version__},
    }


def names_of(dataset: Any) -> list[str]:
    """Return a name for each of a data set's classes, whatever number of them it names."""
    names = list(map(str, class_names(dataset)))[: dataset.num_classes]
    return names + [f"class {index}" for index in range(len(names), dataset.num_classes)]


def _panels(worst: Worst, dataset: Any, palette: np.ndarray) -> dict[str, str]:
    """Draw the five pictures of an image, as data URLs."""
    height, width = worst.label.shape
    rgb = cv2.resize(
        pictures.image_of(dataset, worst.image), (width, height), interpolation=cv2.INTER_AREA
    )
    ignored = worst.label == dataset.num_classes
    wrong = (worst.label != worst.prediction) & ~ignored
    drawn = {
        "image": (rgb, True),
        "label": (pictures.colored(worst.label, palette, ignored), False),
        "prediction": (pictures.colored(worst.prediction, palette), False),
        "error": (pictures.errors(rgb, wrong, ignored), True),
        "confidence": (pictures.confidence(worst.confidence / 255), True),
    }
    return {name: pictures.data_url(picture, photo) for name, (picture, photo) in drawn.items()}
