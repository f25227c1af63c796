"""One update: forward, losses and backward for each accumulated batch, then the optimizer."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import paddle
from paddle.optimizer.lr import ReduceOnPlateau

from paddle_ann.engine.callback import Batch
from paddle_ann.engine.learning_rate import LearningRate
from paddle_ann.engine.precision import Precision


class Step:
    """Computes gradients and applies them.

    Args:
        model: the network; its own `loss_computation`, if it has one, is used.
        optimizer: the optimizer of its parameters.
        losses: PaddleSeg's loss configuration, lists 'types' and 'coef'.
        precision: what to compute in.
        parallel: the same network with gradients averaged over processes; None for one process.
    """

    def __init__(
        self,
        model: paddle.nn.Layer,
        optimizer: Any,
        losses: dict[str, Any],
        precision: Precision,
        parallel: paddle.DataParallel | None = None,
    ) -> None:
        self.model, self.optimizer, self.losses = model, optimizer, losses
        self.precision, self.scaler = precision, precision.make_scaler()
        self.parallel, self.rate = parallel, LearningRate(optimizer)
        # Called with the outputs of each forward pass of an update and its batch.
        self.observe: Callable[[Sequence[Any], Batch], None] | None = None

    @property
    def follows_loss(self) -> bool:
        """Whether the learning rate depends on the loss."""
        return isinstance(getattr(self.optimizer, "_learning_rate", None), ReduceOnPlateau)

    def gradients(self, batches: Sequence[Batch]) -> list[float]:
        """Add the gradients of the mean loss of the batches, and return the losses' means."""
        parts: list[Any] = []
        for number, batch in enumerate(batches, 1):
            with self._collected_later(number < len(batches)):
                with self.precision.autocast():
                    logits = self.forward(batch)
                    computed = self.losses_of(logits, batch)
                    loss = sum(computed)
                if self.observe is not None:
                    self.observe(logits, batch)
                del logits  # the largest thing here; the backward pass frees it
                if len(batches) > 1:
                    loss = loss / len(batches)
                (loss if self.scaler is None else self.scaler.scale(loss)).backward()
            found = [float(part) / len(batches) for part in computed]
            parts = [a + b for a, b in zip(parts, found)] if parts else found
        return parts

    def compute_losses(self, batch: Batch) -> list[Any]:
        """Run the network on a batch and return its weighted losses."""
        return self.losses_of(self.forward(batch), batch)

    def forward(self, batch: Batch) -> Any:
        """Run the network on a batch and return its outputs."""
        images = batch["img"]
        if getattr(self.model, "data_format", "NCHW") == "NHWC":
            images = images.transpose((0, 2, 3, 1))
        return (self.parallel or self.model)(images)

    def losses_of(self, logits: Any, batch: Batch) -> list[Any]:
        """Return the weighted losses of the network's outputs."""
        if hasattr(self.model, "loss_computation"):
            return list(self.model.loss_computation(logits, self.losses, batch))
        edges = batch["edge"].astype("int64") if "edge" in batch else None
        labels = batch["label"].astype("int64")
        compute = sys.modules["paddleseg.core.train"].loss_computation
        return list(compute(logits_list=logits, labels=labels, edges=edges, losses=self.losses))

    def update(self) -> None:
        """Apply the gradients."""
        if self.scaler is None:
            self.optimizer.step()
        else:
            self.scaler.step(self.optimizer)
            self.scaler.update()

    def finish(self, loss: float) -> None:
        """Move the learning rate on and clear the gradients, whether or not there was an update."""
        self.rate.step(loss)
        self.model.clear_gradients()

    def _collected_later(self, more: bool) -> AbstractContextManager[Any]:
        """Leave the exchange of gradients between processes to the last batch of an update."""
        return self.parallel.no_sync() if self.parallel and more else contextlib.nullcontext()
