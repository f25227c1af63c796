"""What several tests need: random weights, the same weights twice, all gradients, comparison."""

from __future__ import annotations

import numpy as np
import paddle
from paddle import nn


def randomize(layer: nn.Layer) -> nn.Layer:
    """Give every parameter and batch-norm statistic a random value, so that nothing cancels."""
    for name, tensor in layer.state_dict().items():
        if name.endswith("_variance"):
            tensor.set_value(paddle.rand(tensor.shape, tensor.dtype) + 0.5)
        elif tensor.ndim > 1:
            fan_in = int(np.prod(tensor.shape[1:]))
            tensor.set_value(paddle.randn(tensor.shape, tensor.dtype) * (2 / fan_in) ** 0.5)
        else:
            tensor.set_value(paddle.randn(tensor.shape, tensor.dtype) * 0.5 + 0.3)
    return layer


def without_dropout(layer: nn.Layer) -> nn.Layer:
    """Set every dropout's probability to 0."""
    for sublayer in layer.sublayers(include_self=True):
        if isinstance(sublayer, (nn.Dropout, nn.Dropout2D)):
            sublayer.p = 0
    return layer


def copy_state(source: nn.Layer, target: nn.Layer) -> None:
    """Load one layer's state dict into another; nothing may be missing or left over."""
    missing, unexpected = target.set_state_dict(source.state_dict())
    if missing or unexpected:
        raise KeyError(f"missing {missing}, unexpected {unexpected}")


def gradients(layer: nn.Layer, inputs: list[paddle.Tensor]) -> dict[str, np.ndarray]:
    """Run a layer forward and backward: outputs, input gradients, parameter gradients by name."""
    inputs = [x.clone() for x in inputs]
    for x in inputs:
        x.stop_gradient = False
    outputs = layer(*inputs) if not hasattr(layer, "auxlayer") else layer(inputs)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    # A fixed random direction, not the sum, which batch norm makes constant.
    generator = np.random.RandomState(3)
    directions = [generator.randn(*y.shape).astype(y.numpy().dtype) for y in outputs]
    sum((y * paddle.to_tensor(d)).sum() for y, d in zip(outputs, directions)).backward()
    result = {f"out{i}": y.numpy() for i, y in enumerate(outputs)}
    result.update({f"in{i}": x.grad.numpy() for i, x in enumerate(inputs) if x.grad is not None})
    named = ((n, p) for n, p in layer.named_parameters() if p.grad is not None)
    result.update({name: p.grad.numpy() for name, p in named})
    layer.clear_gradients()
    return result


def assert_close(actual: dict, expected: dict, tolerance: float) -> None:
    """Demand that no array differs by more than `tolerance` of its layer's largest value.

    The parameters of one layer are measured together: the gradient of a bias in front of a batch
    norm is 0 by construction, so rounding is all there is of it, and only the weight beside it
    says how large that rounding may be.
    """
    assert actual.keys() == expected.keys()
    layer = {name: name.rpartition(".")[0] or name for name in expected}
    scale = dict.fromkeys(layer.values(), 0.0)
    for name, array in expected.items():
        scale[layer[name]] = max(scale[layer[name]], float(np.abs(array).max()))
    errors = {k: np.abs(actual[k] - v).max() / scale[layer[k]] for k, v in expected.items()}
    worst = max(errors, key=errors.get)
    assert errors[worst] < tolerance, f"{worst}: relative difference {errors[worst]:.2e}"


def assert_close_in_float32(actual: dict, expected: dict) -> None:
    """Demand outputs equal to 1e-5 of their own size, gradients to 1e-5 of the largest gradient.

    A batch norm over the few positions of a test cancels most of some gradients (those through a
    context that is nearly the same everywhere), so rounding is large beside what is left, in
    PaddleSeg's as in ours. That each of them is right on its own scale, float64 shows.
    """
    largest = max(np.abs(v).max() for k, v in expected.items() if not k.startswith("out"))
    for name, array in expected.items():
        scale = np.abs(array).max() if name.startswith("out") else largest
        difference = np.abs(actual[name] - array).max() / scale
        assert difference < 1e-5, f"{name}: difference {difference:.2e}"


def in_mode(layer: nn.Layer, training: bool) -> nn.Layer:
    """Set the mode and return the layer, which Paddle 2.6's own train() and eval() do not."""
    layer.train() if training else layer.eval()
    return layer


def pool_by_slices(x: paddle.Tensor, size: int) -> paddle.Tensor:
    """Adaptive average pooling written out bin by bin: slow, and exact in float64.

    Paddle's operator keeps 1 / count in float32 when it computes the gradient.
    """

    def bins(length: int) -> list[slice]:
        return [slice(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]

    rows = [
        paddle.stack([x[:, :, r, c].mean([2, 3]) for c in bins(x.shape[3])], -1)
        for r in bins(x.shape[2])
    ]
    return paddle.stack(rows, -2)


def compare_with(pair, shapes, training: bool):
    """Run PaddleSeg's layer and ours, of the same random weights, in float32 and in float64.

    Args:
        pair: makes (theirs, ours).
        shapes: the shapes of the inputs.
        training: the mode.

    Returns:
        Our results and theirs in float32, and (ours, theirs) in float64.
    """
    from paddleseg.models import ann

    theirs, ours = pair()
    copy_state(randomize(theirs), ours)
    inputs = [paddle.randn(shape) for shape in shapes]
    single = [gradients(without_dropout(in_mode(b, training)), inputs) for b in (ours, theirs)]

    pooling = ann._pp_module
    paddle.set_default_dtype("float64")
    ann._pp_module = lambda x, sizes: paddle.concat(
        [pool_by_slices(x, s).flatten(2) for s in sizes], axis=-1
    )
    try:
        exact_theirs, exact_ours = pair()
        state = {k: v.astype("float64") for k, v in theirs.state_dict().items()}
        inputs = [x.astype("float64") for x in inputs]
        double = []
        for layer in (exact_ours, exact_theirs):
            layer.set_state_dict(state)
            double.append(gradients(without_dropout(in_mode(layer, training)), inputs))
    finally:
        ann._pp_module = pooling
        paddle.set_default_dtype("float32")
    return (*single, double)
