"""The graph of a model for VisualDL, traced in a process of its own.

VisualDL's `add_graph` reads a format that Paddle 3 no longer writes, and leaves the model changed.
Here the model is built anew from the configuration in `run.json`, in a process that writes the old
format; the training's own model is never touched.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paddle_ann.checkpoint.files import replacing
from paddle_ann.monitor import manifest

FILE = "vdlgraph.0000000001.log"  # VisualDL takes the newest name of this pattern
# For Paddle, before it is imported: the format that VisualDL reads, and the tracer that writes it.
OLD_FORMAT = {"FLAGS_enable_pir_api": "0", "ENABLE_FALL_BACK": "False"}
# What Paddle 3.3 no longer writes in the old format, as it is called there; whether it is a bool.
OPERATORS = {
    "matmul": ("matmul_v2", False),
    "logical_and": ("logical_and", True),
    "maximum": ("elementwise_max", False),
    "minimum": ("elementwise_min", False),
}
SIZE = 256  # pixels of the image that is traced


def draw_all(folder: Path) -> list[Path]:
    """Draw the model of each training in a folder or below it, unless that was done.

    Args:
        folder: with a `run.json` in it or below it.

    Returns:
        The files that VisualDL reads.

    Raises:
        FileNotFoundError: if there is no `run.json`.
        ValueError: if a training was not started from a configuration.
        RuntimeError: if a model cannot be built or traced.
    """
    records = sorted(folder.rglob(manifest.NAME))
    if not records:
        raise FileNotFoundError(
            f"There is no {manifest.NAME} in {folder} or below it, which tells what model was "
            "trained. tools/train.py writes it. An ONNX file can be drawn with --model."
        )
    return [draw(record) for record in records]


def draw(record: Path) -> Path:
    """Draw the model of one training beside its `run.json`; see `draw_all`."""
    target = record.with_name(FILE)
    if target.exists() and target.stat().st_mtime >= record.stat().st_mtime:
        return target
    parts = manifest.load(record)
    if not parts or not parts[-1].get("configuration"):
        raise ValueError(
            f"{record} has no configuration to build the model from: the training was started by "
            "Python. Export the model (paddle_ann.deploy) and draw the ONNX file with --model."
        )
    command = [sys.executable, "-m", "paddle_ann.monitor.graph", str(record)]
    environment = {**os.environ, **OLD_FORMAT}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise RuntimeError(f"The model of {record} could not be traced: {lines[-1]}")
    return target


def in_old_format(name: str) -> Callable[..., Any]:
    """Return a function that puts one of `OPERATORS` into a program of the old format.

    Up to Paddle 3.2 `paddle.matmul` and the others did so themselves.
    """

    def put(x: Any, y: Any, **flags: bool) -> Any:
        from paddle.base.layer_helper import LayerHelper

        kind, truth = OPERATORS[name]
        helper = LayerHelper(kind)
        out = helper.create_variable_for_type_inference(dtype="bool" if truth else x.dtype)
        attributes = {flag.replace("transpose_", "trans_"): on for flag, on in flags.items()}
        inputs = {"X": x, "Y": y}
        helper.append_op(type=kind, inputs=inputs, outputs={"Out": out}, attrs=attributes)
        return out

    return put


def trace(record: Path) -> None:
    """Build and trace the model in this process; for `draw` alone."""
    import paddle
    import yaml
    from paddleseg.cvlibs import SegBuilder
    from visualdl.component.graph import translate_graph

    from paddle_ann.config import load

    settings = dict(manifest.load(record)[-1]["configuration"])
    model = dict(settings["model"], pretrained=None)
    if isinstance(model.get("backbone"), dict):
        model["backbone"] = {**model["backbone"], "pretrained": None}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "run.yml")
        file.write_text(yaml.safe_dump({**settings, "model": model}), encoding="utf-8")
        network = SegBuilder(load(str(file))).model
    network.eval()
    for name in OPERATORS:  # of a process that does nothing else
        setattr(paddle, name, in_old_format(name))
    image = paddle.static.InputSpec([1, 3, SIZE, SIZE], "float32")
    graph = translate_graph(network, [image], verbose=False)
    with replacing(record.with_name(FILE)) as draft:
        draft.write_text(graph, encoding="utf-8")


if __name__ == "__main__":
    import paddle_ann  # noqa: F401  before PaddleSeg, which it mends

    trace(Path(sys.argv[1]))
