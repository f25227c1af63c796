"""A training and an evaluation for `paddle.distributed.launch`: job.py ROOT OUT OPTIONS_AS_JSON.

Each process writes `found.RANK.json`: a digest of all weights and statistics, and the counts of an
evaluation. With the option `fault`, "kind@rank", one process meets with it in iteration 4, or from
the fifth sample on that it reads.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

import paddle_ann  # noqa: F401  before Paddle

# isort: split
import paddle

from paddle_ann.engine import Callback, TrainOptions, evaluate, phase, tallies
from tests.engine import toy

FAULTS = {
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(3),
    "hang": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "signal": lambda: os.kill(os.getpid(), signal.SIGTERM),
}


class Wide(toy.Small):
    """Gradients of more than a megabyte, so that little else counts beside them."""

    def __init__(self, width: int = 4001) -> None:
        super().__init__()
        convolution, norm = paddle.nn.Conv2D(3, width, 3, padding=1), paddle.nn.BatchNorm2D(width)
        self.stem = paddle.nn.Sequential(convolution, norm, paddle.nn.ReLU())
        self.cls = paddle.nn.Conv2D(width, toy.CLASSES, 1)
        self.aux = paddle.nn.Conv2D(width, toy.CLASSES, 1)


class BadImage(Callback):
    """Put a nan into an image of one process, in update 5, the first time."""

    left = 1

    def on_batches(self, run) -> None:
        if run.iteration == 4 and self.left:
            self.left = 0
            run.batches[0]["img"][1, 2, 3, 5] = math.nan


class Fault(Callback):
    """What goes wrong in one process."""

    def __init__(self, fault: str) -> None:
        self.kind, _, self.rank = fault.partition("@")

    def on_step(self, run) -> None:
        if run.iteration != 4 or str(run.rank) != self.rank or self.kind == "evaluation":
            return
        (run.save_dir / "fault_time").write_text(str(time.time()))
        if self.kind == "raise":
            raise ValueError("a fault of mine")
        FAULTS[self.kind]()


def interrupt_evaluation(data, out: Path, mine: bool) -> None:
    """Make the reading of images slow, and send a signal in the first evaluation."""
    transforms, left = data.transforms, [mine]

    def slow(sample):
        if (out / "iter_3").exists():
            time.sleep(1)
            if left.pop() if left else False:
                FAULTS["signal"]()
        return transforms(sample)

    data.transforms = slow


def spoil_reading(data, out: Path, kind: str) -> None:
    """Make one sample damaged, or one that takes 7 s to read."""
    transforms, left = data.transforms, list(range(5))

    def spoilt(sample):
        if left and left.pop() == 0:
            out.mkdir(exist_ok=True)
            (out / "fault_time").write_text(str(time.time()))
            if kind == "unreadable":
                raise ValueError("an image of mine")
            time.sleep(7)
        return transforms(sample)

    data.transforms = spoilt


def counts(model, data) -> list:
    """The confusion matrix of an evaluation."""
    found = []
    original = tallies.Confusion.total
    tallies.Confusion.total = lambda self, group: found.append(original(self, group)) or found[-1]
    evaluate(model, data, print_detail=False, batch_size=2)
    return found[0].tolist()


def main(root: Path, out: Path, options: dict) -> None:
    """Train if iterations are given, evaluate, and write what was found."""
    rank = paddle.distributed.ParallelEnv().rank
    data = toy.dataset(root, "val")
    data.file_list = data.file_list[: options.pop("images", 7)]
    fault = options.pop("fault", None)
    if fault and fault.startswith("evaluation"):
        interrupt_evaluation(data, out, fault.endswith(f"@{rank}"))
    if options.get("iters"):
        plugged = []
        kind, _, of = (fault or "").partition("@")
        if kind in ("unreadable", "stuck"):
            phase.PATIENCE_S = 2.0
            options["train_dataset"] = toy.dataset(root)
            if of == str(rank):
                spoil_reading(options["train_dataset"], out, kind)
        elif kind == "nan":
            plugged = [BadImage()] if of == str(rank) else []
        elif fault:
            plugged = [Fault(fault)]
        if "non_finite" in options:
            options["options"] = TrainOptions(non_finite=options.pop("non_finite"))
        common = {"save_interval": 3, "log_iters": 2, "val_dataset": data, "use_ema": True}
        if options.pop("wide", False):
            common["model"] = Wide()
            trained = [p for p in common["model"].parameters() if not p.stop_gradient]
            print("bytes of gradients:", 4 * sum(p.size for p in trained))
        given = {**common, "callbacks": plugged, "use_vdl": True, **options}
        model = toy.run(root, out, **given)["model"]
    else:
        paddle.seed(7)
        model = toy.Small()
    state = model.state_dict()
    digest = hashlib.sha256(b"".join(state[name].numpy().tobytes() for name in sorted(state)))
    found = {"digest": digest.hexdigest(), "counts": counts(model, data)}
    out.mkdir(exist_ok=True)
    (out / f"found.{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
