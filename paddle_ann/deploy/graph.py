"""The graph that is exported: the inference form, a resize every engine can run, and the outputs.

Paddle Inference 3.3.1 cannot run `bilinear_interp` with its default settings (oneDNN), which
stands at the end of every segmentation network. Bilinear resizing is separable and linear, so it is
written here as two products with matrices that are built from the sizes at run time.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddleseg import models as paddleseg_models

from paddle_ann.models import ANN, ANNNet, fuse
from paddle_ann.nn.sampling import multiply_rows

INPUT = "x"  # PaddleSeg's TensorRT settings know the input by this name


class ExportedANN(nn.Layer):
    """What an export computes, from normalised images to the chosen outputs.

    Args:
        model: an ANN or ANNNet in eval mode, ours or PaddleSeg's; it is left as it is.
        outputs: of "argmax", "softmax" and "logits", in the order in which they are returned.

    Raises:
        TypeError: if `model` is no such network.
        RuntimeError: if it is in training mode.
        ValueError: if it holds what the inference form cannot represent.
    """

    def __init__(self, model: nn.Layer, outputs: Sequence[str]) -> None:
        super().__init__()
        network = inference_form(model)
        self.backbone = network.backbone
        self.head = network.head
        self.align_corners = network.align_corners
        self.outputs = tuple(outputs)
        self.eval()

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (N, 3, H, W) to the outputs.

        Returns:
            argmax: (N, H, W) int32. softmax, logits: (N, num_classes, H, W) float32.
        """
        logits = resize_by_matrices(self.head(self.backbone(x))[0], x, self.align_corners)
        made = []
        for name in self.outputs:
            if name == "argmax":
                made.append(paddle.argmax(logits, axis=1, dtype="int32"))
            else:
                made.append(F.softmax(logits, axis=1) if name == "softmax" else logits)
        return made


def inference_form(model: nn.Layer) -> nn.Layer:
    """Fuse an ANN; copy an ANNNet, which has no shorter form.

    Raises:
        TypeError: if `model` is no such network.
        RuntimeError: if it is in training mode.
        ValueError: if it holds what the inference form cannot represent.
    """
    if isinstance(model, (ANN, paddleseg_models.ANN)):
        return fuse(model)
    if not isinstance(model, ANNNet):
        raise TypeError(
            f"export takes an ANN or ANNNet; received {type(model).__name__}. Pass the trained "
            "model, which is fused here; of a wrapped one the network inside, e.g. model._layers "
            "of a DataParallel. PaddleSeg's tools/export.py exports its other networks."
        )
    if model.training:
        raise RuntimeError(
            "export takes a model in eval mode, whose batch norms use their running statistics; "
            "received one in training mode. Call model.eval() first."
        )
    return copy.deepcopy(model)


def trace(graph: ExportedANN, folder: Path) -> None:
    """Write the graph as `model.json` (Paddle 3) or `model.pdmodel` (2.6) and `model.pdiparams`.

    The layer is not to be called any more: in Paddle 3.3 that can end the process.
    """
    spec = [paddle.static.InputSpec([None, 3, None, None], "float32", INPUT)]
    with warnings.catch_warnings():  # of Paddle's own, about its own code
        warnings.simplefilter("ignore")
        static = paddle.jit.to_static(graph, input_spec=spec, full_graph=True)
        paddle.jit.save(static, str(folder / "model"))


def resize_by_matrices(x: Tensor, like: Tensor, align_corners: bool) -> Tensor:
    """Resize bilinearly, as `F.interpolate` does, by one product for the rows and one for columns.

    Args:
        x: (N, C, h, w).
        like: (N, any, H, W).
        align_corners: whether the corners of both maps coincide.

    Returns:
        (N, C, H, W).
    """
    old, new = paddle.shape(x), paddle.shape(like)
    rows, columns = (bilinear_matrix(old[i], new[i], align_corners) for i in (2, 3))
    return paddle.matmul(rows, multiply_rows(x, columns))


def bilinear_matrix(old: Tensor, new: Tensor, align_corners: bool) -> Tensor:
    """Make the matrix (new, old) that resizes a column: its rows are hats around where they read.

    Args:
        old: the number of values, a 0-D integer tensor.
        new: how many they become.
        align_corners: whether the first and last of both coincide.
    """
    last = (old - 1).astype("float32")
    index = paddle.arange(new, dtype="int64").astype("float32")
    if align_corners:
        steps = paddle.clip((new - 1).astype("float32"), min=1.0)  # one value reads the first
        position = index * (last / steps)
    else:
        position = (index + 0.5) * (old.astype("float32") / new.astype("float32")) - 0.5
        position = paddle.minimum(F.relu(position), last)
    source = paddle.arange(old, dtype="int64").astype("float32")
    return F.relu(1 - paddle.abs(position.unsqueeze(1) - source.unsqueeze(0)))
