"""Early stopping: no better mIoU for a number of evaluations ends the training."""

from __future__ import annotations

from typing import Any

from paddle_ann.checkpoint.fields import COUNT, NUMBER, take
from paddle_ann.engine.callback import Callback, Run


class EarlyStop(Callback):
    """Ends a training that does not get better.

    Args:
        patience: evaluations in a row without a better mIoU, at least 1.
        min_delta: what a better mIoU must exceed the best one by, in [0, 1).
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        self.patience, self.min_delta = patience, min_delta
        self.best, self.best_iteration, self.waited = -1.0, 0, 0

    def on_start(self, run: Run) -> None:
        """End at once what had ended already."""
        self._decide(run)

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Compare with the best evaluation so far."""
        if scores["mIoU"] > self.best + self.min_delta:
            self.best, self.best_iteration, self.waited = scores["mIoU"], run.iteration, 0
        else:
            self.waited += 1
        self._decide(run)

    def _decide(self, run: Run) -> None:
        if self.waited >= self.patience:
            more = f" by more than {self.min_delta:g}" if self.min_delta else ""
            run.stop_reason = (
                f"{self.waited} evaluations in a row did not reach a better mIoU{more} than "
                f"{self.best:.4f} at iteration {self.best_iteration} (patience {self.patience})."
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the best score and the number of evaluations since."""
        return {"best": self.best, "best_iteration": self.best_iteration, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        kinds = {"best": NUMBER, "best_iteration": COUNT, "waited": COUNT}
        vars(self).update(take(state, kinds))
