"""`metrics.jsonl`: what VisualDL's curves show, a line for each log line and each evaluation."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from paddle_ann.checkpoint.files import replacing
from paddle_ann.engine.callback import Callback, Run
from paddle_ann.monitor import facts
from paddle_ann.monitor.journal import Journal

NAME = "metrics.jsonl"


class MetricLines(Callback):
    """Writes a JSON object a line; `event` says of which kind, 'train' or 'evaluation'.

    A line is with the system as soon as it is written, and on the disk at each checkpoint. A
    training that is resumed has the lines of one that was not interrupted: those beyond the
    checkpoint are taken off.

    Args:
        classes: unique names of the classes.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = classes
        self.journal = Journal(whole_lines)

    def on_start(self, run: Run) -> None:
        """Take off what comes after the checkpoint."""
        if run.is_main:
            keep = functools.partial(cut_back, iteration=run.iteration)
            self.journal.open(run.save_dir / NAME, keep)

    def on_log(self, run: Run, record: dict[str, float]) -> None:
        """Write the averages of a log line."""
        self._write(run, "train", facts.of_log(run, record))

    def on_eval(self, run: Run, scores: dict[str, Any]) -> None:
        """Write the scores of an evaluation, with the counts that they come from."""
        confusion = scores.get("confusion")
        counts = {} if confusion is None else {"confusion": confusion.tolist()}
        of_classes = facts.by_class(scores, self.classes)
        self._write(run, "evaluation", {**facts.of_evaluation(scores), **of_classes, **counts})

    def on_save(self, run: Run, folder: Path) -> None:
        """Put the file on the disk."""
        self.journal.sync()

    def on_end(self, run: Run) -> None:
        """Put the file on the disk."""
        self.journal.close()

    def _write(self, run: Run, event: str, values: dict[str, Any]) -> None:
        if run.is_main:
            line = {"event": event, "iteration": run.iteration, "epoch": run.epoch, **values}
            self.journal.add(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            self.journal.flush()

    def state_dict(self) -> dict[str, Any]:
        """Return how long the file is."""
        return self.journal.state()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to such a length."""
        self.journal.go_back(state)


def whole_lines(content: bytes) -> int:
    """Return how many bytes the whole lines at the beginning of a content take."""
    return content.rfind(b"\n") + 1


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file; one that is cut off at the end is no line.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a line is no JSON object with an iteration.
    """
    content = path.read_bytes()
    for number, line in enumerate(content[: whole_lines(content)].splitlines(), 1):
        try:
            found = json.loads(line)
            int(found["iteration"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number}, is no line of metrics: {error}.") from error
        yield found


def cut_back(path: Path, iteration: int) -> None:
    """Keep the lines up to an iteration; the file is replaced in one step.

    Raises:
        ValueError: if it is no file of metrics; it is left as it is.
    """
    kept = [line for line in read(path) if line["iteration"] <= iteration]
    with replacing(path) as draft:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept)
        draft.write_text(text, encoding="utf-8")
