"""The checkpoints of a run: what goes in, what is taken out, and which model was the best."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paddle
from paddleseg.utils import logger

from paddle_ann import scores as score_files
from paddle_ann.checkpoint import (
    CheckpointStore,
    capture_random,
    load_model,
    load_state_file,
    restore_random,
    save_model,
    save_state,
)
from paddle_ann.checkpoint.state import STATE_FILE
from paddle_ann.engine import fingerprint as fingerprints
from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.data import RANDOM_LOCK
from paddle_ann.engine.ema import MovingAverage
from paddle_ann.engine.finite import statistics
from paddle_ann.engine.processes import Group, connect
from paddle_ann.engine.progress import Progress
from paddle_ann.engine.step import Step

EVALUATION = "evaluation.json"  # beside a checkpoint's files, once its evaluation is over
FOLDERS = {"model": "best_model", "ema_model": "ema_best_model"}


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
        self._share_statistics(group)
        with RANDOM_LOCK:
            states = group.gather(capture_random())
        folder = group.of_main(lambda: self._write(states, evaluation_due))
        return folder if self.run.is_main else None

    def _write(self, states: list[dict[str, Any]], evaluation_due: bool) -> Path:
        state = {
            "iteration": self.run.iteration,
            "seed": self.seed,
            "world": self.run.world,
            "evaluation_due": evaluation_due,
            "best": {name: list(best) for name, best in self.run.best.items()},
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

    def _share_statistics(self, group: Group) -> None:
        """Give all processes those of process 0, as they have them when they are resumed."""
        tensors = statistics(self.run.model)
        group.make_equal(list(tensors.values()))
        if self.average:
            state = self.average.model.state_dict()
            group.make_equal([state[name] for name in tensors if name in state])

    def keep_best(self, name: str, model: paddle.nn.Layer, score: float) -> None:
        """Write `best_model` or `ema_best_model` if `score` is better than all before.

        Args:
            name: 'model' or 'ema_model', the name of the file of weights, as in PaddleSeg.
            model: the model that reached it.
            score: mIoU in [0, 1].
        """
        run = self.run
        if score > run.best.get(name, (-1.0, 0))[0]:
            run.best[name] = (score, run.iteration)
            if run.is_main:
                state = {"iteration": run.iteration, "mIoU": score}

                def write(folder: Path) -> None:
                    paddle.save(model.state_dict(), str(folder / f"{name}.pdparams"))
                    save_state(folder, state)

                self.store.save_named(FOLDERS[name], write, iteration=run.iteration)
        if run.is_main and name in run.best:
            title = "EMA model" if name == "ema_model" else "model"
            logger.info(
                "[EVAL] The {} with the best validation mIoU ({:.4f}) was saved at iter {}.".format(
                    title, *run.best[name]
                )
            )

    def evaluated(self, folder: Path | None) -> None:
        """Note beside a checkpoint that its evaluation is over, so that none is made twice."""
        if folder is not None:
            best = {name: list(value) for name, value in self.run.best.items()}
            parts = {name: part.state_dict() for name, part in self.parts.items()}
            note = {"best": best, "parts": fingerprints.plain(parts)}
            score_files.save(note, folder / EVALUATION)

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
        if state is not None:
            with telling(folder / STATE_FILE, "Take another checkpoint."):
                saved = dict(state["fingerprint"])
            self._compare(saved, folder, force)
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
        with telling(folder / STATE_FILE, "Take another checkpoint."):
            self._take(state)
            due = state["evaluation_due"]
        with telling(folder / EVALUATION, "Remove this file: the evaluation is made again."):
            pending = due and not self._take_evaluation(folder)
        self._take_best_on_disk()
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
        self.run.best = {name: (best[0], best[1]) for name, best in state["best"].items()}
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"].get(name) or part.state_dict())
        if state["world"] == self.run.world:
            for line in restore_random(state["random"][self.run.rank]):
                logger.warning(line)
            return
        logger.warning(
            f"The checkpoint is of {state['world']} processes and this training has "
            f"{self.run.world}: it goes on, but not bit by bit as it would have."
        )

    def _take_evaluation(self, folder: Path) -> bool:
        """Take what an evaluation of the checkpoint left; tell whether there was one."""
        try:
            found = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))
            best, parts = found["best"], found["parts"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        self.run.best = {name: (value[0], value[1]) for name, value in best.items()}
        for name, part in self.parts.items():
            part.load_state_dict(parts.get(name) or part.state_dict())
        return True

    def _take_best_on_disk(self) -> None:
        """Know the best models in the folder, which a crash may have left newer than the state."""
        for name, title in FOLDERS.items():
            try:
                found = load_state_file(self.store.folder / title)
                score, iteration = float(found["mIoU"]), int(found["iteration"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if score > self.run.best.get(name, (-1.0, 0))[0]:
                self.run.best[name] = (score, iteration)


@contextlib.contextmanager
def telling(file: Path, next_step: str) -> Iterator[None]:
    """Name the file whose content something could not be restored from.

    Raises:
        ValueError: for whatever missing names and values of a wrong type raise.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} is damaged, or of another version: {type(error).__name__} {error}. {next_step}"
        ) from error
