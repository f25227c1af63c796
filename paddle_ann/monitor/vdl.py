"""The log that VisualDL shows: PaddleSeg's curves under PaddleSeg's names, and ours beside them."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paddleseg.utils import logger

from paddle_ann.checkpoint.fields import Kind, take
from paddle_ann.engine.callback import Callback, Run
from paddle_ann.monitor import facts, log_file, records
from paddle_ann.monitor.journal import Journal

EVALUATION_TAGS = {  # PaddleSeg's, but for kappa and loss
    "mIoU": "mIoU",
    "accuracy": "Acc",
    "kappa": "Kappa",
    "loss": "loss",
    "ema_mIoU": "Ema_mIoU",
    "ema_accuracy": "Ema_Acc",
}
CLASS_GROUPS = {"class_iou": "Per-class IoU", "class_accuracy": "Per-class accuracy"}
MEMORY = {"process_GiB", "gpu_GiB"}
MIB = 2**20
FILE = Kind(
    "the name of a file vdlrecords.N.log, or empty",
    lambda value: isinstance(value, str) and (not value or Path(value).match(log_file.PATTERN)),
)


class VisualDLLog(Callback):
    """Writes curves, and what others `add`, into one file of `save_dir`.

    The file is made with the first value: a training that dies at once leaves no empty log, which
    VisualDL would show as "no data". What was logged is with the system at each log line, so that a
    process that is killed loses nothing before the last one; and on the disk at each checkpoint. A
    resumed training goes on with the file, cut back to where the checkpoint was.

    Args:
        classes: unique names of the classes.
        most: MiB that the file may have before nothing but curves goes into it.
    """

    def __init__(self, classes: Sequence[str], most: int) -> None:
        self.classes, self.most = classes, most
        self.journal = Journal(log_file.whole_bytes)
        self._file = ""
        self._full = self._drawn = False

    @property
    def is_new(self) -> bool:
        """Whether nothing is in the log yet."""
        return self.journal.size == 0

    def on_start(self, run: Run) -> None:
        """Find the log to go on with, and take off what comes after the checkpoint."""
        if not run.is_main:
            return
        newest = log_file.newest_log(run.save_dir) if run.iteration else None
        if not self._file:
            self._file = newest.name if newest else f"vdlrecords.{int(time.time()):010d}.log"
        keep = functools.partial(log_file.cut_back, iteration=run.iteration)
        self.journal.open(run.save_dir / Path(self._file).name, keep)

    def add(self, record: bytes) -> None:
        """Put a record into the log, in process 0."""
        if self.journal.path is not None:
            self.journal.add(record)

    def add_large(self, record: bytes) -> bool:
        """Put a picture or a histogram into the log, unless it is full; tell whether it is in."""
        if self.journal.path is None:
            return False
        if self.journal.size + len(record) > self.most * MIB:
            if not self._full:
                logger.warning(
                    f"VisualDL's log {self.journal.path} has reached {self.most} MiB: pictures, "
                    "histograms and PR curves end here, curves go on. TrainOptions(vdl_mib=...), "
                    "--vdl_mib, sets the limit."
                )
            self._full = True
            return False
        self.journal.add(record)
        return True

    def curve(self, run: Run, tag: str, value: float) -> None:
        """Put a point of a curve into the log."""
        self._drawn = True
        self.add(records.scalar(tag, value, run.iteration))

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Write the averages of a log line; nan where a loss is."""
        for name, value in {**record, **facts.of_log(run, record)}.items():
            self.curve(run, f"{'Memory' if name in MEMORY else 'Train'}/{name}", value)
        self.journal.flush()

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Write the scores of an evaluation."""
        for name, value in facts.of_evaluation(scores).items():
            self.curve(run, f"Evaluate/{EVALUATION_TAGS[name]}", value)
        if "model" in run.best:
            self.curve(run, "Evaluate/Best_mIoU", run.best["model"][0])
        of_classes = facts.by_class(scores, self.classes)
        for measure, group in CLASS_GROUPS.items():
            for name, value in of_classes.get(measure, {}).items():
                self.curve(run, f"{group}/{records.part(name)}", value)
        self.journal.flush()

    def on_row(self, run: Run, row: dict[str, Any]) -> None:
        """Write a row of `metrics.csv`; the classes' IoU have a group of their own."""
        for name, value in row.items():
            if value is not None and name != "iteration" and not name.startswith("IoU "):
                self.curve(run, f"Epoch/{name}", value)
        self.journal.flush()

    def on_save(self, run: Run, folder: Path) -> None:
        """Put the log on the disk."""
        self.journal.sync()

    def on_end(self, run: Run) -> None:
        """Put the log on the disk, if there is anything to see in it."""
        path = self.journal.path
        if path is not None and (self._drawn or path.exists()):
            self.journal.close()

    def state_dict(self) -> dict[str, Any]:
        """Return which file it is and how long."""
        return {"file": self._file, **self.journal.state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to such a length; a state of earlier versions is empty."""
        if state:
            self._file = take(state, {"file": FILE})["file"]
            self.journal.go_back(state)
