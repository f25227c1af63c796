"""A whole call of `paddleseg.core.evaluate`, reader and metric included.

PaddleSeg's side is its own code with its own network: every fix of ours is taken out for its
runs. As released it ends with an error in the metric on Paddle 2.5 and later, so one call is
mended for it, with no change of its work: `calculate_area` concatenates 0-D sums, and is given
`paddle.stack` for `paddle.concat`.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddleseg import models as paddleseg_models
from paddleseg import transforms
from paddleseg.datasets import PascalVOC
from paddleseg.models.backbones import ResNet18_vd

import paddle_ann
from paddle_ann import compat
from paddle_ann.benchmark.case import TIME, Case, Goal, Settings, Workload
from paddle_ann.benchmark.environment import quietly
from paddle_ann.benchmark.sizes import sizes
from paddle_ann.benchmark.weights import fill
from paddle_ann.datasets import toy_voc
from paddle_ann.models import ANN

CLASSES = 21
GROUP = "whole evaluate()"


def cases(settings: Settings) -> Iterator[Case]:
    """Yields the evaluation with both forms of ours."""
    table = sizes(settings.quick)
    height, width = table.image_size
    for form, goals in (("training", {TIME: Goal(1.5)}), ("inference", {})):
        yield Case(
            f"evaluate(), {table.images} images {height}x{width}, {CLASSES} classes, ResNet18_vd, "
            f"{form} form",
            {
                "PaddleSeg": partial(evaluation, settings, "PaddleSeg"),
                "ours": partial(evaluation, settings, form),
            },
            goals,
            group=GROUP,
        )


def evaluation(settings: Settings, form: str) -> Workload:
    """Builds one side: 'PaddleSeg', or ours in 'training' or 'inference' form."""
    table = sizes(settings.quick)
    # The folder lives as long as the data set, which the workload holds.
    folder = tempfile.TemporaryDirectory(prefix="paddle_ann_benchmark_")
    root = toy_voc.generate(
        Path(folder.name) / "voc", num_train=1, num_val=table.images, size=table.image_size
    )
    dataset = PascalVOC([transforms.Normalize()], str(root), "val")
    dataset.folder = folder
    make = paddleseg_models.ANN if form == "PaddleSeg" else ANN
    model = fill(make(CLASSES, ResNet18_vd(output_stride=8)))
    model.eval()
    if form == "inference":
        model = paddle_ann.fuse(model)

    def run() -> Any:
        return sys.modules["paddleseg.core.val"].evaluate(model, dataset)

    around = paddleseg_as_released if form == "PaddleSeg" else quietly
    return Workload(run, partial(accuracy, run, around), around=around)


def accuracy(run: Any, around: Any) -> np.ndarray:
    """Returns the pixel accuracy, which does not depend on how absent classes are counted."""
    with around():
        return np.array([float(run()[1])])


@contextlib.contextmanager
def paddleseg_as_released() -> Iterator[None]:
    """Takes every fix out, mends the one call that ends with an error, and puts all back."""
    metrics: Any = sys.modules["paddleseg.utils.metrics"]
    compat.revert()
    metrics.paddle = _StackForConcat()
    try:
        with quietly():
            yield
    finally:
        metrics.paddle = paddle
        compat.apply()


class _StackForConcat:
    """The paddle module as `paddleseg.utils.metrics` sees it."""

    concat = staticmethod(paddle.stack)

    def __getattr__(self, name: str) -> Any:
        return getattr(paddle, name)
