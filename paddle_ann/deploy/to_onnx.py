"""Script of the process that converts: PROGRAM PARAMETERS TARGET OPSET OUTPUT-NAME...

It is run by its path and imports nothing of `paddle_ann`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from typing import Any

AXES = ("N", None, "H", "W")  # names of the sizes that are free


def convert(program: str, parameters: str, target: str, opset: int, names: Sequence[str]) -> None:
    """Convert, give inputs and outputs the names that users see, and check the result."""
    import onnx
    import paddle2onnx

    options: dict[str, Any] = {"opset_version": opset, "verbose": False}
    if "optimize_tool" in inspect.signature(paddle2onnx.export).parameters:
        options["optimize_tool"] = "none"  # the others run `pip install`
    paddle2onnx.export(program, parameters, target, **options)
    model = onnx.load(target)
    written = {item.version for item in model.opset_import if item.domain in ("", "ai.onnx")}
    if written != {opset}:
        raise SystemExit(f"opset {opset} was asked for, and paddle2onnx wrote {written}.")
    rename_outputs(model.graph, names)
    drop_unused(model.graph)
    name_axes(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


def rename_outputs(graph: Any, names: Sequence[str]) -> None:
    """Give the graph's outputs these names."""
    if len(graph.output) != len(names):
        raise SystemExit(f"the graph has {len(graph.output)} outputs, not {len(names)}.")
    new = {output.name: name for output, name in zip(graph.output, names)}
    for node in graph.node:
        for list_of_names in (node.input, node.output):
            for index, name in enumerate(list_of_names):
                list_of_names[index] = new.get(name, name)
    for output in graph.output:
        output.name = new[output.name]


def drop_unused(graph: Any) -> None:
    """Take out what nothing reads; ONNX Runtime warns of each such constant."""
    outputs = {output.name for output in graph.output}
    while True:
        read = outputs.union(*(node.input for node in graph.node))
        kept = [node for node in graph.node if read.intersection(node.output)]
        if len(kept) == len(graph.node):
            break
        del graph.node[:]
        graph.node.extend(kept)
    kept = [item for item in graph.initializer if item.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def name_axes(graph: Any) -> None:
    """Give the free sizes of input and outputs the names N, H and W."""
    for value in (*graph.input, *graph.output):
        sizes = value.type.tensor_type.shape.dim
        axes = AXES if len(sizes) == 4 else ("N", "H", "W")  # class numbers have no channels
        for size, name in zip(sizes, axes):
            if name is not None:
                size.Clear()
                size.dim_param = name


if __name__ == "__main__":
    program, parameters, target, opset, *names = sys.argv[1:]
    convert(program, parameters, target, int(opset), names)
