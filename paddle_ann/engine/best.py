"""The best models of a training: which they are, and their folders."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import paddle
from paddleseg.utils import logger

from paddle_ann.checkpoint import CheckpointStore, load_state_file, save_state
from paddle_ann.checkpoint.fields import COUNT, Kind, take
from paddle_ann.engine.callback import Run

FOLDERS = {"model": "best_model", "ema_model": "ema_best_model"}

SCORE = Kind("a number in [0, 1]", lambda value: type(value) in (int, float) and 0 <= value <= 1)


def _is_best(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and SCORE.fits(value[0])
        and COUNT.fits(value[1])
    )


SCORES = Kind(
    "a dictionary of pairs, each a score in [0, 1] and an iteration",
    lambda value: isinstance(value, dict) and all(map(_is_best, value.values())),
)


class BestModels:
    """Keeps the best model, and the best moving average, in folders of their own.

    Args:
        store: where the folders are.
        run: the run, whose `best` is kept up.
    """

    def __init__(self, store: CheckpointStore, run: Run) -> None:
        self.store, self.run = store, run

    def keep(self, name: str, model: paddle.nn.Layer, score: float) -> None:
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

    def state(self) -> dict[str, list[float]]:
        """Return score and iteration of each, for a file."""
        return {name: list(best) for name, best in self.run.best.items()}

    def take(self, best: dict[str, Any]) -> None:
        """Take back what `state` returned; of the kind `SCORES`."""
        self.run.best = {name: (score, iteration) for name, (score, iteration) in best.items()}

    def look_on_disk(self) -> None:
        """Know the models in the folders, which a crash may have left newer than the state."""
        for name, title in FOLDERS.items():
            with contextlib.suppress(OSError, ValueError):  # none is there, or none to rely on
                state = load_state_file(self.store.folder / title)
                found = take(state, {"mIoU": SCORE, "iteration": COUNT})
                if found["mIoU"] > self.run.best.get(name, (-1.0, 0))[0]:
                    self.run.best[name] = found["mIoU"], found["iteration"]
