"""What is run in Paddle: forward in evaluation, forward and backward, training steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_ann.benchmark.case import AUXILIARY, Workload
from paddle_ann.benchmark.macs import TRAINING
from paddle_ann.benchmark.weights import features

Call = Callable[[Sequence[paddle.Tensor]], Any]


def evaluation(layer: nn.Layer, call: Call, shapes: Sequence[Sequence[int]], macs: int) -> Workload:
    """A forward pass in evaluation mode, without gradients.

    Args:
        layer: what is run.
        call: runs it on the inputs.
        shapes: of the inputs.
        macs: multiply-adds of the pass.
    """
    inputs = make_inputs(shapes)
    layer.eval()

    def run() -> Any:
        with paddle.no_grad():
            return call(inputs)

    return Workload(run, lambda: to_numpy(run()), macs)


def backward(layer: nn.Layer, call: Call, shapes: Sequence[Sequence[int]], macs: int) -> Workload:
    """A forward and a backward pass in training mode, to the inputs too.

    Args:
        layer: a block.
        call: runs it on the inputs and returns one map.
        shapes: of the inputs.
        macs: multiply-adds of one forward pass.
    """
    inputs = make_inputs(shapes, gradients=True)
    output = in_evaluation(layer, call, inputs)
    size = output().shape
    direction = paddle.to_tensor(features(size, seed=7, negative=True))

    def run() -> None:
        call(inputs).backward(direction)
        clear(layer, inputs)

    return Workload(run, output, macs * TRAINING, trains=True)


def training_step(
    layer: nn.Layer, call: Call, shapes: Sequence[Sequence[int]], macs: int, update: bool
) -> Workload:
    """Forward, cross entropy with the auxiliary one, backward and, with `update`, SGD's update.

    Args:
        layer: a head or a whole network.
        call: runs it on the inputs and returns a list of logits.
        shapes: of the inputs.
        macs: multiply-adds of one forward pass.
        update: for a whole network, whose images need no gradient. A head is no more than a part
            of a step; its inputs get gradients, as they do from the backbone's side.
    """
    inputs = make_inputs(shapes, gradients=not update)
    output = in_evaluation(layer, call, inputs)
    count, classes, height, width = output().shape
    generator = np.random.default_rng(5)
    label = paddle.to_tensor(generator.integers(0, classes, (count, height, width, 1)))
    optimizer = paddle.optimizer.Momentum(
        1e-6, momentum=0.9, weight_decay=4e-5, parameters=layer.parameters()
    )

    def run() -> None:
        main, *others = (cross_entropy(logit, label) for logit in call(inputs))
        sum((AUXILIARY * other for other in others), main).backward()
        if update:
            optimizer.step()
        clear(layer, inputs)

    return Workload(run, output, macs * TRAINING, trains=True)


def cross_entropy(logit: paddle.Tensor, label: paddle.Tensor) -> paddle.Tensor:
    """Computes the mean cross entropy of (N, C, H, W) against (N, H, W, 1)."""
    return F.cross_entropy(logit.transpose([0, 2, 3, 1]), label)


def make_inputs(shapes: Sequence[Sequence[int]], gradients: bool = False) -> list[paddle.Tensor]:
    """Makes the inputs, the same ones in every process."""
    inputs = [paddle.to_tensor(features(tuple(s), seed=i)) for i, s in enumerate(shapes)]
    for x in inputs:
        x.stop_gradient = not gradients
    return inputs


def clear(layer: nn.Layer, inputs: Sequence[paddle.Tensor]) -> None:
    """Clears the gradients, as PaddleSeg's training loop does."""
    layer.clear_gradients()
    for x in inputs:
        x.clear_gradient()


def in_evaluation(
    layer: nn.Layer, call: Call, inputs: Sequence[paddle.Tensor]
) -> Callable[[], Any]:
    """Makes a function that computes the output in evaluation mode and leaves training mode on."""

    def output() -> np.ndarray:
        layer.eval()
        with paddle.no_grad():
            result = to_numpy(call(inputs))
        layer.train()
        return result

    return output


def to_numpy(output: Any) -> np.ndarray:
    """Returns the map, or the first of several: the logits that count in evaluation."""
    first = output[0] if isinstance(output, (list, tuple)) else output
    return np.asarray(first.astype("float32").numpy())
