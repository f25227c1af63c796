"""Which callbacks tell about a training, by its options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paddle_ann.engine.callback import Callback
from paddle_ann.engine.metric_rows import unique_names
from paddle_ann.engine.options import TrainOptions
from paddle_ann.engine.step import Step
from paddle_ann.monitor.histograms import Histograms
from paddle_ann.monitor.hyper_parameters import HyperParameters
from paddle_ann.monitor.lines import MetricLines
from paddle_ann.monitor.manifest import Manifest
from paddle_ann.monitor.pictures import Pictures
from paddle_ann.monitor.pr_curves import PrCurves
from paddle_ann.monitor.validation_loss import ValidationLoss
from paddle_ann.monitor.vdl import VisualDLLog


def callbacks(
    use_vdl: bool,
    options: TrainOptions,
    step: Step,
    val_dataset: Any,
    arguments: Mapping[str, Any],
    fingerprint: Mapping[str, Any],
) -> list[Callback]:
    """Make the callbacks of a training, in the order in which they are called.

    Args:
        use_vdl: write VisualDL's log.
        options: `metrics` or `xlsx` writes the files beside it, as `use_vdl` does; `vdl_...` say
            what goes into the log.
        step: network and losses.
        val_dataset: evaluated; None for no evaluation.
        arguments: of `train`, plain values by name.
        fingerprint: what the training consists of.
    """
    if not (use_vdl or options.metrics or options.xlsx):
        return []
    classes = [] if val_dataset is None else unique_names(val_dataset)
    found: list[Callback] = [Manifest(arguments, options.record, fingerprint)]
    if val_dataset is not None:
        found.append(ValidationLoss(step.model, step.losses, val_dataset.ignore_index))
    found.append(MetricLines(classes))
    if not use_vdl:
        return found
    log = VisualDLLog(classes, options.vdl_mib)
    evaluates = val_dataset is not None
    found += [log, HyperParameters(log, arguments, options.record, fingerprint, evaluates)]
    if options.vdl_histograms:
        found.append(Histograms(log, options.vdl_histograms, step.scaler is None))
    if evaluates and options.vdl_images:
        counts = (options.vdl_images, options.vdl_points)
        found.append(Pictures(log, val_dataset, classes, *counts))
    if evaluates and options.vdl_pr_curves:
        found.append(PrCurves(log, classes, val_dataset.ignore_index))
    return found
