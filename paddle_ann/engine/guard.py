"""The guard: a loss or gradient that is not finite never reaches the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import paddle
from paddleseg.utils import logger

from paddle_ann.checkpoint.fields import COUNT, Kind, take
from paddle_ann.engine import black_box, finite
from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.gradient_norm import GradientNorm
from paddle_ann.engine.processes import connect
from paddle_ann.engine.saving import Saving

MOST_SKIPPED = 10  # updates in a row that 'skip' leaves out
MOST_ROLLBACKS = 3
MOST_REPORTS = 20  # black boxes of one training

COUNTED = dict.fromkeys(("skipped", "in_a_row", "rollbacks", "reports"), COUNT)
FACTOR = Kind(
    "1, 1/2, 1/4 or another such power of two",
    lambda value: isinstance(value, float) and 0 < value <= 1 and math.frexp(value)[0] == 0.5,
)


class NonFiniteError(RuntimeError):
    """A loss or gradient was nan or infinite; the weights and the checkpoints were kept from it."""


class Guard(Callback):
    """Checks losses and gradients before each update, and acts by a policy.

    With a loss scaler (fp16) the gradients are the scaler's matter, and only the losses count.

    Args:
        policy: 'stop', 'skip' or 'rollback', see `TrainOptions.non_finite`.
        saving: the checkpoints to go back to, with model and optimizer.
        dataset: the training set, for the names of files.
    """

    def __init__(self, policy: str, saving: Saving, dataset: Any) -> None:
        self.policy, self.saving, self.step, self.dataset = policy, saving, saving.step, dataset
        self.skipped = self.in_a_row = self.rollbacks = self.reports = 0
        self._before: list[tuple[paddle.Tensor, paddle.Tensor]] = []
        self._norm: GradientNorm | None = None

    def on_batches(self, run: Run) -> None:
        """Keep the batch-norm statistics from before the forward pass, if they may be needed.

        The gradients are watched from the first update on, so that hooks which others have set on
        parameters come first.
        """
        if self._norm is None:
            self._norm = GradientNorm([p for p in run.model.parameters() if not p.stop_gradient])
        if self.step.scaler is None:
            self._norm.start(once=len(run.batches) == 1 and run.world == 1)
        if self.policy == "skip":
            changed = finite.statistics(run.model).values()
            self._before = [(tensor, tensor.clone()) for tensor in changed]

    def on_gradients(self, run: Run) -> bool:
        """Let a finite update pass."""
        what = self._find(run)
        if not anywhere(bool(what), run.world):
            self.in_a_row = 0
            return True
        what = what or "the loss is finite here, and not in another process"
        ends = self._reason_to_end(run)
        report = f"{what}. {self._report(run, what, keep_weights=bool(ends))}"
        text = f"{place(run)}: {of_all(connect().gather(report))}"
        if ends:
            raise NonFiniteError(f"{text} {ends}")
        logger.warning(text)
        if self.policy == "skip":
            self._skip()
        else:
            self._go_back(run)
        return False

    def on_end(self, run: Run) -> None:
        """Say how many updates were left out, and leave model and optimizer as they came."""
        if self._norm is not None:
            self._norm.close()
        if self.skipped:
            logger.warning(f"Updates left out because they were not finite: {self.skipped}.")
        if self.step.rate.factor != 1:
            self.step.rate.set_factor(1.0)

    def state_dict(self) -> dict[str, Any]:
        """Return the counts, and the factor on the learning rate."""
        return {**{name: getattr(self, name) for name in COUNTED}, "factor": self.step.rate.factor}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        found = take(state, {**COUNTED, "factor": FACTOR})
        self.step.rate.take_factor(found.pop("factor"))
        vars(self).update(found)

    # -- what is wrong ----------------------------------------------------------------------------

    def _find(self, run: Run) -> str:
        """Say what is not finite; '' if all is."""
        losses = [f"loss_{i} is {x}" for i, x in enumerate(run.losses) if not math.isfinite(x)]
        if self.step.scaler is None and self._norm is not None:
            run.gradient_norm = self._norm.value()
        if losses or self.step.scaler is not None:
            return ", ".join(losses)
        if math.isfinite(run.gradient_norm):
            return ""
        bad = [
            name
            for name, parameter in run.model.named_parameters()
            if parameter.grad is not None and not finite.is_finite(parameter.grad)
        ]  # none: squares beyond the range of float32, of gradients that are within
        return f"the gradients of {len(bad)} parameters are not finite ({names(bad)})" * bool(bad)

    def _report(self, run: Run, what: str, keep_weights: bool) -> str:
        """Write the black box, and return a text about it."""
        self.reports += 1
        if self.reports > MOST_REPORTS:
            return f"(There are {MOST_REPORTS} black boxes already; none was written.)"
        facts = {"policy": self.policy, "what": what}
        content = black_box.describe(run, self.step, self.dataset, facts)
        try:
            path = black_box.save(content, run, keep_weights)
        except OSError as error:
            return f"{summary(content)} (The black box could not be written: {error}.)"
        return f"{summary(content)} All that was found out: {path}."

    # -- what to do -------------------------------------------------------------------------------

    def _reason_to_end(self, run: Run) -> str:
        """Say why the training ends now, and what the user can do; '' if it goes on."""
        newest = [c.path for c in self.saving.store.checkpoints()][-1:]
        kept = f"The last checkpoint is {newest[0]}." if newest else "There is no checkpoint yet."
        if self.policy == "stop":
            return (
                f"{kept} Look at the file names and the layer in the black box, lower the learning "
                "rate, or choose TrainOptions(non_finite='skip' or 'rollback'), --non_finite."
            )
        if self.policy == "skip" and self.in_a_row + 1 >= MOST_SKIPPED:
            return (
                f"It is update number {MOST_SKIPPED} in a row, so the training ends: the weights "
                f"are at fault, not a sample. {kept} Lower the learning rate."
            )
        if self.policy == "rollback" and not newest:
            return (
                "There is no checkpoint to go back to yet, so the training ends. Lower the "
                "learning rate, or save_interval, so that there is one by then."
            )
        if self.policy == "rollback" and self.rollbacks >= MOST_ROLLBACKS:
            return (
                f"The training went back {MOST_ROLLBACKS} times already, so it ends. {kept} The "
                f"learning rate is {self.step.rate.factor:g} of the configuration's: if that does "
                "not help, look at the samples."
            )
        return ""

    def _skip(self) -> None:
        self.skipped, self.in_a_row = self.skipped + 1, self.in_a_row + 1
        for tensor, saved in self._before:
            tensor.set_value(saved)
        logger.warning(f"The update is left out: {self.in_a_row} in a row, {self.skipped} in all.")

    def _go_back(self, run: Run) -> None:
        """Restore the newest whole checkpoint; from there on the learning rate is halved."""
        found, lines = self.saving.store.newest_valid()
        for line in lines:
            logger.warning(line)
        if found is None:
            raise NonFiniteError(
                f"No checkpoint in {run.save_dir} is whole, so the training cannot go back to one."
            )
        factor, rollbacks, reports = self.step.rate.factor / 2, self.rollbacks + 1, self.reports
        self.step.rate.take_factor(1.0)
        self.saving.resume(found.path, found.iteration, force=True)
        self.step.rate.set_factor(factor)
        self.rollbacks, self.reports = rollbacks, reports
        logger.warning(
            f"Back to {found.path} (number {rollbacks} of at most {MOST_ROLLBACKS}); the learning "
            f"rate is {factor:g} of the configuration's from here on."
        )


def anywhere(found: bool, world: int) -> bool:
    """Tell whether it was found in any process; all must call it."""
    if world == 1:
        return found
    flag = paddle.to_tensor([int(found)], dtype="int32")
    paddle.distributed.all_reduce(flag, op=paddle.distributed.ReduceOp.MAX)
    return bool(flag)


def of_all(reports: Sequence[str]) -> str:
    """Join what the processes have found, in their order."""
    if len(reports) == 1:
        return reports[0]
    return " ".join(f"[process {rank}] {report}" for rank, report in enumerate(reports))


def place(run: Run) -> str:
    """Say where in the training an update stands."""
    return f"Iteration {run.iteration} (epoch {run.epoch}, learning rate {run.learning_rate:g})"


def summary(content: dict[str, Any]) -> str:
    """Put the most important of a black box into a sentence or two."""
    samples = [sample for batch in content["batches"] for sample in batch["samples"]]
    files = [sample["files"][0] if sample["files"] else str(sample["index"]) for sample in samples]
    layer = content["first_non_finite_layer"]
    text = f"The batch: {names(files)}."
    if layer is None:
        text += " Computed again, it is finite in every layer."
    elif "layer" in layer:
        cause = "" if layer["input_finite"] else ", with an input that is not finite either"
        text += f" First layer with such an output: {layer['layer'] or 'the model itself'}{cause}."
    return text


def names(texts: Sequence[str], most: int = 5) -> str:
    """Join the first names."""
    more = f", and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more
