"""What is finite in a network, and the layer in which it stops being so."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import paddle

from paddle_ann.checkpoint import capture_random, restore_random
from paddle_ann.engine.callback import Batch
from paddle_ann.engine.data import undisturbed
from paddle_ann.engine.step import Step


def non_finite_names(tensors: dict[str, Any]) -> list[str]:
    """Return the names of the tensors that hold nan or an infinity."""
    return [name for name, tensor in tensors.items() if not is_finite(tensor)]


def is_finite(tensor: Any) -> bool:
    """Tell whether every number is finite; integers are."""
    return not paddle.is_floating_point(tensor) or bool(paddle.isfinite(tensor).all())


def statistics(model: paddle.nn.Layer) -> dict[str, paddle.Tensor]:
    """Return what a forward pass may change: the untrained tensors of layers in training mode.

    Mean and variance of batch norm are among them; in Paddle they are parameters without gradient.
    """
    found = {}
    for prefix, layer in model.named_sublayers(include_self=True):
        own = [*layer._parameters.items(), *layer._buffers.items()] if layer.training else []
        for name, tensor in own:
            if tensor is not None and tensor.stop_gradient:
                found[f"{prefix}.{name}".lstrip(".")] = tensor
    return found


def rerun(step: Step, batches: Sequence[Batch]) -> dict[str, Any] | None:
    """Find the first layer whose output is not finite when the batches are computed once more.

    Weights and mode are those of the update; dropout draws anew. Batch-norm statistics and random
    states are put back.

    Returns:
        `layer` (its name in the model, '' for the model's own forward), `type`, `batch` (counted
        from 0), `input_finite`, `weights_finite`; or `error` if the batch cannot be computed; None
        if every output is finite.
    """
    before = [(tensor, tensor.clone()) for tensor in statistics(step.model).values()]
    with undisturbed():
        random = capture_random()
    paddle.jit.enable_to_static(False)  # a compiled model calls no hooks
    try:
        for number, batch in enumerate(batches):
            found = first_non_finite(step.model, functools.partial(_compute, step, batch))
            if found is not None:
                return {"batch": number, **found}
        return None
    except Exception as error:  # a report on one failure must not hide it behind another
        return {"error": f"The batch could not be computed again: {type(error).__name__}: {error}"}
    finally:
        paddle.jit.enable_to_static(True)
        with undisturbed():
            restore_random(random)
        for tensor, saved in before:
            tensor.set_value(saved)


def _compute(step: Step, batch: Batch) -> Any:
    with paddle.no_grad(), step.precision.autocast():
        return step.compute_losses(batch)


def first_non_finite(model: paddle.nn.Layer, compute: Callable[[], Any]) -> dict[str, Any] | None:
    """Run `compute`, and describe the first layer of the model whose output is not finite."""
    found: list[dict[str, Any]] = []

    def make_hook(name: str) -> Callable[..., None]:
        def hook(layer: paddle.nn.Layer, inputs: Any, outputs: Any) -> None:
            if not found and not all(map(is_finite, _flatten(outputs))):
                own = [*layer.parameters(), *layer.buffers()]
                found.append(
                    {
                        "layer": name,
                        "type": type(layer).__name__,
                        "input_finite": all(map(is_finite, _flatten(inputs))),
                        "weights_finite": all(map(is_finite, own)),
                    }
                )

        return hook

    named = model.named_sublayers(include_self=True)
    hooks = [layer.register_forward_post_hook(make_hook(name)) for name, layer in named]
    try:
        compute()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None


def _flatten(thing: Any) -> list[paddle.Tensor]:
    if isinstance(thing, paddle.Tensor):
        return [thing]
    if isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, (list, tuple)):
        return [tensor for item in thing for tensor in _flatten(item)]
    return []
