"""One export: a folder with Paddle's graph, ONNX, and all that is needed to run them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import paddle
from paddle import nn
from paddleseg.utils import logger

import paddle_ann
from paddle_ann.deploy import arguments, conversion, health, pictures, preprocessing, writing
from paddle_ann.deploy.graph import ExportedANN, trace
from paddle_ann.deploy.parity import MOST_TOLERANCE, TOLERANCE, Report
from paddle_ann.deploy.runner.description import FORMAT, OUTPUTS
from paddle_ann.deploy.trials import Batch, compare_all, own_rounding, run_model

FORMATS = ("paddle", "onnx")


def export(
    model: nn.Layer,
    path: str | os.PathLike[str],
    *,
    transforms: Any,
    classes: Sequence[str] | None = None,
    palette: Any = None,
    images: Sequence[Any] | None = None,
    outputs: Sequence[str] = ("argmax", "logits"),
    formats: Sequence[str] = FORMATS,
    opset: int = 13,
    tolerance: float | None = None,
    overwrite: bool = False,
) -> Report:
    """Export a trained network, and prove that every installed engine computes the same.

    The folder holds Paddle's graph with `deploy.yaml` for PaddleSeg's deploy/python/infer.py,
    `model.onnx`, and a bundle: `run.py`, class names, palette, preparation and checksums, which
    runs with ONNX Runtime and NumPy alone. N, H and W are free in every graph. It is written
    beside `path` and takes its name only when it has passed.

    Args:
        model: an ANN or ANNNet in eval mode, ours or PaddleSeg's; it is left as it is.
        path: the folder to make.
        transforms: how images are prepared: PaddleSeg's transforms, or `val_dataset.transforms` of
            a YAML. They must hold one Normalize, that of the training.
        classes: the names of the classes; "class 0" and so on by default.
        palette: R, G, B from 0 to 255 for each class; Pascal VOC's colours by default.
        images: pictures to compare on, paths or arrays (H, W, 3) uint8 RGB, such as the network
            was trained on; small generated ones by default. Three are also tried whole.
        outputs: of "argmax" (int32), "softmax" and "logits", at the size of the input. The first
            is what PaddleSeg's script reads.
        formats: of "paddle" and "onnx".
        opset: version of ONNX's operators, 13 to 19.
        tolerance: the largest difference that passes, of the largest logit of a batch. By default
            1e-4, or what the model allows: where rounding its own weights once more changes its
            output by more (untrained deep ones do that), three times as much.
        overwrite: replace an export at `path`.

    Returns:
        The largest difference and the agreement of the classes, by engine; print it.

    Raises:
        TypeError: if an argument is of the wrong type.
        ValueError: if one is out of its range, the model holds nan, or the images are not
            normalised as in training.
        RuntimeError: if the model is in training mode, a conversion fails, or an engine does not
            give what the model gives. Nothing is left of the export then.
        FileExistsError: if `path` exists.
        ImportError: if paddle2onnx, or an engine to prove a format by, is not installed.
    """
    path = Path(os.path.abspath(path))
    writing.check_place(path, overwrite)
    outputs = arguments.check_choice("outputs", outputs, OUTPUTS)
    formats = arguments.check_choice("formats", formats, FORMATS)
    if tolerance is not None:
        arguments.check_tolerance(tolerance)
    if "onnx" in formats:
        conversion.check_opset(opset)
        conversion.check_converter()
    engines = arguments.find_engines(formats)
    graph = ExportedANN(model, outputs)
    description = describe(model, outputs, transforms, classes, palette)
    health.check_numbers(model)
    rgb = pictures.load(images) if images is not None else pictures.generate(transforms)
    batches = run_model(model, transforms, rgb)
    if images is not None:
        health.check_statistics(model, [batch.prepared for batch in batches if batch.whole])
    with writing.draft_of(path) as folder:
        write(folder, graph, description, formats, opset)
        report = prove(model, engines, folder, batches, outputs, tolerance)
        report.pictures = "generated" if images is None else "given"
        if not report.passed:
            raise RuntimeError(f"The export is refused, nothing was written to {path}.\n{report}")
        writing.write_description(folder, {**description, "parity": report.as_dict()})
        writing.publish(folder, path, overwrite)
    return report


def describe(
    model: nn.Layer,
    outputs: Sequence[str],
    transforms: Any,
    classes: Sequence[str] | None,
    palette: Any,
) -> dict[str, Any]:
    """Write down what the bundle says about itself."""
    names, colors = arguments.describe_classes(model, classes, palette)
    return {
        "format": FORMAT,
        "classes": names,
        "palette": colors,
        "preprocessing": preprocessing.describe(transforms),
        "outputs": list(outputs),
        "input": "NCHW float32, RGB, prepared; N, H and W are free",
        "made_by": f"paddle_ann {paddle_ann.__version__}, paddle {paddle.__version__}",
    }


def prove(
    model: nn.Layer,
    engines: Sequence[str],
    folder: Path,
    batches: Sequence[Batch],
    outputs: Sequence[str],
    tolerance: float | None,
) -> Report:
    """Compare every engine with the model, by the tolerance of `export`; None: its default."""
    report = compare_all(engines, folder, batches, outputs, tolerance or TOLERANCE)
    if report.passed or tolerance is not None:
        return report
    own = own_rounding(model, batches)
    wider = min(3 * own, MOST_TOLERANCE)
    if wider > TOLERANCE:
        report = compare_all(engines, folder, batches, outputs, wider)
    report.own = own
    return report


def write(
    folder: Path,
    graph: ExportedANN,
    description: dict[str, Any],
    formats: Sequence[str],
    opset: int,
) -> None:
    """Write the whole export but for its place and the report.

    Raises:
        RuntimeError: if the conversion fails.
    """
    outputs, steps = description["outputs"], description["preprocessing"]
    logger.info("Export: tracing the graph")
    trace(graph, folder)
    if "onnx" in formats:
        logger.info("Export: converting to ONNX")
        conversion.to_onnx(folder, outputs, opset)
    if "paddle" in formats:
        writing.write_deploy_yaml(folder, steps, outputs[0])
    else:
        writing.remove_paddle(folder)
    writing.write_runner(folder)
    writing.write_description(folder, description)
