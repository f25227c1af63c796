"""What can be plugged into a training: callbacks, and the run that they look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paddle

from paddle_ann.checkpoint.fields import take, within

if TYPE_CHECKING:
    from paddle_ann.engine.evaluation import Seen

Batch = dict[str, Any]


@dataclass
class Run:
    """A training as callbacks see it. They may read all of it, and set `stop_reason`.

    Attributes:
        model: the network that is trained.
        optimizer: its optimizer.
        save_dir: where checkpoints and logs go.
        iters: updates of the whole training.
        iters_per_epoch: updates of one pass over the data, at least 1.
        batch_size: samples of one process and batch.
        world: processes that train together; `rank` is this one's number.
        rank: 0 in the process that writes and logs.
        iteration: updates done so far.
        loss: sum of the losses of the last update.
        losses: each of them, in the order of the loss configuration.
        learning_rate: of the last update.
        gradient_norm: of the last update, before any clipping; nan with a loss scaler (fp16).
        batches: what the last update was computed from, one per accumulated batch.
        samples: their samples' indices in the training set, batch by batch.
        scores: of the last evaluation, by name; see `Callback.on_eval`.
        best: score and iteration of the best model so far, by 'model' and 'ema_model'.
        stop_reason: set to end the training after the current iteration, with a checkpoint.
        failure: what ended the training, in `Callback.on_end`.
    """

    model: paddle.nn.Layer
    optimizer: Any
    save_dir: Path
    iters: int
    iters_per_epoch: int
    batch_size: int
    world: int = 1
    rank: int = 0
    iteration: int = 0
    loss: float = float("nan")
    losses: list[float] = field(default_factory=list)
    learning_rate: float = float("nan")
    gradient_norm: float = float("nan")
    batches: list[Batch] = field(default_factory=list)
    samples: list[list[int]] = field(default_factory=list)
    scores: dict[str, Any] = field(default_factory=dict)
    best: dict[str, tuple[float, int]] = field(default_factory=dict)
    stop_reason: str | None = None
    failure: BaseException | None = None

    @property
    def epoch(self) -> int:
        """The epoch of the last update, from 1."""
        return max(self.iteration - 1, 0) // self.iters_per_epoch + 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0


class Callback:
    """Hooks of a training; override those you need. They are called in every process.

    A callback that carries something from one iteration to a later one returns it from
    `state_dict`, as numbers, strings, lists, dicts and numpy arrays: it is kept in the checkpoints
    and handed back to `load_state_dict` when a training is resumed.
    """

    def on_start(self, run: Run) -> None:
        """Called before the first update, after a checkpoint has been loaded."""

    def on_batches(self, run: Run) -> None:
        """Called before each update is computed, with `run.batches` there."""

    def on_outputs(self, run: Run, outputs: Sequence[Any], batch: Batch) -> None:
        """Called after each forward pass of an update, of which accumulation makes several.

        Args:
            run: the run; `run.iteration` is still that of the update before.
            outputs: what the model returned in training mode, before the backward pass. Keep what
                you compute from them, not themselves: they are the largest tensors there are.
            batch: what they were computed from.
        """

    def on_gradients(self, run: Run) -> bool:
        """Called with loss and gradients there and nothing updated yet.

        `run.iteration` is the number of this update. A callback may also set it back, to that of a
        checkpoint from which it has restored the run: the loop goes on from there.

        Returns:
            False to leave this update out.
        """
        return True

    def on_step(self, run: Run) -> None:
        """Called after each update."""

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Called after each log line with its averages, by VisualDL tag without 'Train/'."""

    def on_predictions(self, run: Run, seen: Seen) -> None:
        """Called with each batch of an evaluation of `run.model`, before `on_eval`.

        With several processes each one sees those images that it evaluates. Keep what you compute
        from them, not the logits.
        """

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Called after each evaluation.

        Args:
            run: the run.
            scores: 'mIoU', 'accuracy', 'kappa' (numbers in [0, 1]), 'class_iou',
                'class_precision' (lists), 'confusion' (pixels by label and prediction, int64
                [C, C]; None from an `evaluate` that is not ours), with VisualDL or rows of metrics
                'loss', and with a moving average 'ema_mIoU', 'ema_accuracy'.
        """

    def on_row(self, run: Run, row: dict[str, Any]) -> None:
        """Called with each row of `metrics.csv`, by column; see `MetricRows`. None: no value."""

    def on_save(self, run: Run, folder: Path) -> None:
        """Called after each checkpoint with its folder, in the main process."""

    def on_end(self, run: Run) -> None:
        """Called once at the end, also after a failure (`run.failure`)."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint has to keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""


class Callbacks(Callback):
    """Several callbacks as one, in their order.

    Args:
        members: the callbacks; several of one class keep their states apart by their order.

    Raises:
        TypeError: if one is no Callback.
    """

    def __init__(self, members: list[Callback]) -> None:
        for member in members:
            if not isinstance(member, Callback):
                raise TypeError(
                    "callbacks must be instances of paddle_ann.engine.Callback; received "
                    f"{member!r} of type {type(member).__name__}. Derive your class from it."
                )
        self.members = members

    def on_start(self, run: Run) -> None:
        """Call every member."""
        for member in self.members:
            member.on_start(run)

    def on_batches(self, run: Run) -> None:
        """Call every member."""
        for member in self.members:
            member.on_batches(run)

    def on_outputs(self, run: Run, outputs: Sequence[Any], batch: Batch) -> None:
        """Call every member."""
        for member in self.members:
            member.on_outputs(run, outputs, batch)

    def on_gradients(self, run: Run) -> bool:
        """Call every member; one that answers False is enough to leave the update out."""
        return all([member.on_gradients(run) for member in self.members])

    def on_step(self, run: Run) -> None:
        """Call every member."""
        for member in self.members:
            member.on_step(run)

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Call every member."""
        for member in self.members:
            member.on_log(run, record)

    def on_predictions(self, run: Run, seen: Seen) -> None:
        """Call every member."""
        for member in self.members:
            member.on_predictions(run, seen)

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Call every member."""
        for member in self.members:
            member.on_eval(run, scores)

    def on_row(self, run: Run, row: dict[str, Any]) -> None:
        """Call every member."""
        for member in self.members:
            member.on_row(run, row)

    def on_save(self, run: Run, folder: Path) -> None:
        """Call every member."""
        for member in self.members:
            member.on_save(run, folder)

    def on_end(self, run: Run) -> None:
        """Call every member, also those behind one that raises; the first error is raised then."""
        errors = []
        for member in self.members:
            try:
                member.on_end(run)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def state_dict(self) -> dict[str, Any]:
        """Return the states by name."""
        return {name: member.state_dict() for name, member in self._named()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Hand every member its state; one that the checkpoint does not know keeps its own."""
        take(state, {})  # a dictionary, whatever is in it
        for name, member in self._named():
            if name in state:
                with within(name):
                    member.load_state_dict(state[name])

    def _named(self) -> list[tuple[str, Callback]]:
        names = [type(member).__name__ for member in self.members]
        numbered = [f"{name}.{names[:i].count(name)}" for i, name in enumerate(names)]
        return list(zip(numbered, self.members))
