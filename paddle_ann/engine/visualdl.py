"""PaddleSeg's curves in VisualDL: losses, learning rate and costs, mIoU and accuracy."""

from __future__ import annotations

from typing import Any

from paddle_ann.engine.callback import Callback, Run

EVALUATION_TAGS = {
    "mIoU": "mIoU",
    "accuracy": "Acc",
    "ema_mIoU": "Ema_mIoU",
    "ema_accuracy": "Ema_Acc",
}


class VisualDLLog(Callback):
    """Write the tags that PaddleSeg's `train` writes. The log is whole also after a failure.

    The file is opened with the first value: a training that dies at once leaves no empty log,
    which VisualDL would show as "no data".
    """

    def __init__(self) -> None:
        self._writer: Any = None

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

            self._writer = LogWriter(str(run.save_dir))
        self._writer.add_scalar(tag, value, run.iteration)
