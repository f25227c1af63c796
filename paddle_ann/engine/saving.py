"""The checkpoints of a run: what goes in, and what is taken out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from paddleseg.utils import logger

from paddle_ann.checkpoint import (
    CheckpointStore,
    capture_random,
    load_model,
    load_state_file,
    restore_random,
    save_model,
    save_state,
)
from paddle_ann.checkpoint import state as state_files
from paddle_ann.checkpoint.fields import COUNT, FLAG, LIST, RECORD, DamagedField, take, within
from paddle_ann.checkpoint.files import replacing
from paddle_ann.checkpoint.manifest import EVALUATION
from paddle_ann.checkpoint.state import STATE_FILE
from paddle_ann.engine import fingerprint as fingerprints
from paddle_ann.engine.best import SCORES, BestModels
from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.data import undisturbed
from paddle_ann.engine.ema import MovingAverage
from paddle_ann.engine.finite import statistics
from paddle_ann.engine.processes import Group, connect
from paddle_ann.engine.progress import Progress
from paddle_ann.engine.step import Step

NOTE = {"best": SCORES, "parts": RECORD}
STATE = {
    **NOTE,
    "seed": COUNT,
    "world": COUNT,
    "evaluation_due": FLAG,
    "random": LIST,
    "fingerprint": RECORD,
}


class Saving:
    """Writes and reads the checkpoints of a run.

    Args:
        store: the folder.
        run: the run; its iteration and best scores are kept and restored.
        step: model, optimizer and loss scaler.
        average: the moving average of the weights, if there is one.
        parts: what else carries a state from one iteration to the next.
        fingerprint: what the training consists of.
        seed: of the augmentation.
    """

    def __init__(
        self,
        store: CheckpointStore,
        run: Run,
        step: Step,
        average: MovingAverage | None,
        parts: dict[str, Progress | Callback],
        fingerprint: dict[str, Any],
        seed: int,
    ) -> None:
        self.store, self.run, self.step, self.average = store, run, step, average
        self.parts, self.fingerprint, self.seed = parts, fingerprint, seed
        self.best = BestModels(store, run)

    # -- writing ----------------------------------------------------------------------------------

    def save(self, evaluation_due: bool) -> Path | None:
        """Write the checkpoint of the current iteration; called in every process.

        Args:
            evaluation_due: whether an evaluation follows, which a resumed training has to make up
                for if this one does not live to the end of it.

        Returns:
            Its folder, in the main process.
        """
        group = connect()
        with group.during("saving a checkpoint"):
            self.share_statistics(group)
            with undisturbed():
                states = group.gather(capture_random())
            folder = group.of_main(lambda: str(self._write(states, evaluation_due)))
        return Path(folder) if self.run.is_main else None

    def _write(self, states: list[dict[str, Any]], evaluation_due: bool) -> Path:
        state = {
            "iteration": self.run.iteration,
            "seed": self.seed,
            "world": self.run.world,
            "evaluation_due": evaluation_due,
            "best": self.best.state(),
            "parts": {name: part.state_dict() for name, part in self.parts.items()},
            "random": states,
            "fingerprint": fingerprints.plain(self.fingerprint),
        }
        return self.store.save(self.run.iteration, self._writer(state))

    def _writer(self, state: dict[str, Any]) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            average = self.average.model if self.average else None
            save_model(
                folder, self.step.model, self.step.optimizer, scaler=self.step.scaler, ema=average
            )
            save_state(folder, state)

        return write

    def share_statistics(self, group: Group) -> None:
        """Give all processes those of process 0, as they have them when they are resumed."""
        tensors = statistics(self.run.model)
        group.make_equal(list(tensors.values()))
        if self.average:
            state = self.average.model.state_dict()
            group.make_equal([state[name] for name in tensors if name in state])

    def evaluated(self, folder: Path | None) -> None:
        """Note beside a checkpoint that its evaluation is over, so that none is made twice."""
        if folder is not None:
            parts = {name: part.state_dict() for name, part in self.parts.items()}
            with replacing(folder / EVALUATION) as draft:
                state_files.write_json(draft, {"best": self.best.state(), "parts": parts})

    # -- reading ----------------------------------------------------------------------------------

    def resume(self, folder: Path, iteration: int, force: bool) -> bool:
        """Take everything from a checkpoint.

        Args:
            folder: the checkpoint.
            iteration: its number.
            force: accept another configuration.

        Returns:
            Whether the evaluation of that iteration is still to be made.

        Raises:
            ValueError: if the configuration has changed, or the files are damaged or another
                model's.
        """
        state = load_state_file(folder) if (folder / STATE_FILE).exists() else None
        advice = one_before(folder, iteration)
        if state is not None:
            with telling(folder / STATE_FILE, advice):
                state = take(state, STATE)
            self._compare(state["fingerprint"], folder, force)
        average = self.average.model if self.average else None
        for line in load_model(
            folder, self.step.model, self.step.optimizer, scaler=self.step.scaler, ema=average
        ):
            logger.warning(line)
        self.run.iteration = iteration
        if state is None:
            logger.warning(
                f"{folder} was written by PaddleSeg's own loop: it has no random states and no "
                "best score. The order of the data starts as if this training had done the "
                f"first {iteration} iterations, and its best_model, if any, is set aside."
            )
            return False
        with telling(folder / STATE_FILE, advice):
            self._take(state)
        with telling(folder / EVALUATION, "Remove this file: the evaluation is made again."):
            pending = state["evaluation_due"] and not self._take_evaluation(folder)
        self.best.look_on_disk()
        return pending

    def _compare(self, saved: dict[str, Any], folder: Path, force: bool) -> None:
        lines = fingerprints.differences(saved, fingerprints.plain(self.fingerprint))
        if not lines:
            return
        shown = "\n".join(f"  {line}" for line in lines[:30])
        if not force:
            raise ValueError(
                f"{folder} belongs to a training with another configuration:\n{shown}\nResume with "
                "the configuration of then, or force it: TrainOptions(force_resume=True), "
                "--force_resume."
            )
        logger.warning(f"Resuming {folder} with another configuration:\n{shown}")

    def _take(self, state: dict[str, Any]) -> None:
        self.seed = state["seed"]
        self._take_note(state)
        if state["world"] == self.run.world:
            with within(f"random[{self.run.rank}]"):
                lines = restore_random(state["random"][self.run.rank])
            for line in lines:
                logger.warning(line)
            return
        logger.warning(
            f"The checkpoint is of {state['world']} processes and this training has "
            f"{self.run.world}: it goes on, but not bit by bit as it would have."
        )

    def _take_evaluation(self, folder: Path) -> bool:
        """Take what an evaluation of the checkpoint left; tell whether there was one."""
        try:
            note = state_files.read_json(folder / EVALUATION)
        except (OSError, ValueError):
            return False
        self._take_note(take(note, NOTE))
        return True

    def _take_note(self, note: dict[str, Any]) -> None:
        """Take the best scores, and what each part has kept; a part that it lacks stays."""
        self.best.take(note["best"])
        with within("parts"):
            for name, part in self.parts.items():
                if name in note["parts"]:
                    with within(name):
                        part.load_state_dict(note["parts"][name])


def one_before(folder: Path, iteration: int) -> str:
    """Say which checkpoint to take instead of one that is damaged."""
    before = [
        c.path for c in CheckpointStore(folder.parent).checkpoints() if c.iteration < iteration
    ]
    if not before:
        return "There is no checkpoint before it: begin anew."
    return f"Take the one before: resume_model={str(before[-1])!r} (--resume_model)."


@contextlib.contextmanager
def telling(file: Path, next_step: str) -> Iterator[None]:
    """Name the file that has a damaged field, and what to do.

    Raises:
        ValueError: for a DamagedField.
    """
    try:
        yield
    except DamagedField as error:
        raise ValueError(
            f"{file} is damaged, or of another version: {error}. {next_step}"
        ) from error
