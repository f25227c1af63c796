"""Sublayers that stay as they are: parameters and batch-norm statistics, to the last bit."""

from __future__ import annotations

from collections.abc import Sequence

import paddle

from paddle_ann.config.spelling import did_you_mean
from paddle_ann.engine.callback import Callback, Run


class Freeze(Callback):
    """Keeps sublayers in eval mode and their parameters away from the optimizer.

    A parameter with `stop_gradient` gets no gradient, and an optimizer passes over what has none,
    weight decay included, also when it was made with it. In eval mode batch norm uses its running
    statistics and leaves them, and dropout drops nothing.

    Make it before the model is wrapped for several processes, which exchange the gradients of
    those parameters alone that are trainable then.

    Args:
        model: the network.
        names: of its sublayers, such as 'backbone' or 'backbone.stem'.

    Raises:
        ValueError: if a name is unknown, or nothing is left to train.
    """

    def __init__(self, model: paddle.nn.Layer, names: Sequence[str]) -> None:
        layers = dict(model.named_sublayers())
        for name in names:
            if name not in layers:
                raise ValueError(
                    f"freeze: the model {type(model).__name__} has no sublayer {name!r}"
                    f"{did_you_mean(name, layers)}"
                )
        roots = [layers[name] for name in names]
        self.layers = [layer for root in roots for layer in root.sublayers(include_self=True)]
        found = {id(p): p for root in roots for p in root.parameters() if not p.stop_gradient}
        if names and all(p.stop_gradient or id(p) in found for p in model.parameters()):
            raise ValueError(
                f"freeze: with {', '.join(names)} frozen, no parameter is left to train. Freeze "
                "less."
            )
        self.parameters = list(found.values())
        for parameter in self.parameters:
            parameter.stop_gradient = True

    def on_batches(self, run: Run) -> None:
        """Put the layers into eval mode again, which `model.train()` has ended."""
        for layer in self.layers:
            layer.training = False

    def thaw(self) -> None:
        """Make trainable again what was."""
        for parameter in self.parameters:
            parameter.stop_gradient = False
