"""PaddleSeg's curves in VisualDL: losses, learning rate and costs, mIoU and accuracy."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.visualdl_file import cut_back, newest_log

EVALUATION_TAGS = {
    "mIoU": "mIoU",
    "accuracy": "Acc",
    "ema_mIoU": "Ema_mIoU",
    "ema_accuracy": "Ema_Acc",
}


class VisualDLLog(Callback):
    """Write the tags that PaddleSeg's `train` writes. The log is whole also after a failure.

    The file is opened with the first value: a training that dies at once leaves no empty log,
    which VisualDL would show as "no data". It is on the disk at each checkpoint, and a resumed
    training goes on with it.
    """

    def __init__(self) -> None:
        self._writer: Any = None
        self._file_name = ""

    def on_start(self, run: Run) -> None:
        """Find the log to go on with, and take off what comes after the checkpoint."""
        log = newest_log(run.save_dir) if run.is_main and run.iteration else None
        if log is not None:
            cut_back(log, run.iteration)
            self._file_name = log.name

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Write the averages of a log line."""
        for name, value in record.items():
            if name != "ips":  # PaddleSeg has it in the log line alone
                self._add(run, f"Train/{name}", value)

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Write the scores of an evaluation."""
        for name, tag in EVALUATION_TAGS.items():
            if name in scores:
                self._add(run, f"Evaluate/{tag}", scores[name])

    def on_row(self, run: Run, row: dict[str, Any]) -> None:
        """Write a row of metrics, over the iteration as all else."""
        for name, value in row.items():
            if value is not None and name != "iteration":
                self._add(run, f"Epoch/{name}", value)

    def on_save(self, run: Run, folder: Path) -> None:
        """Put the log on the disk."""
        if self._writer is not None:
            self._writer._get_file_writer().flush()

    def on_end(self, run: Run) -> None:
        """Close the log."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _add(self, run: Run, tag: str, value: float) -> None:
        if not run.is_main:
            return
        if self._writer is None:
            from visualdl import LogWriter

            with contextlib.redirect_stdout(io.StringIO()):  # it tells that the file exists
                self._writer = LogWriter(str(run.save_dir), file_name=self._file_name)
        self._writer.add_scalar(tag, value, run.iteration)
