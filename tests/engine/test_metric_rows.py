"""Rows of metrics: what they hold, and that a resumed training has those of a whole one."""

from __future__ import annotations

import csv
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from paddle_ann.datasets.class_names import CLASS_NAMES
from paddle_ann.engine import STOPPED, Callback, Interrupted, TrainOptions, iters_per_epoch
from paddle_ann.engine.metric_rows import class_columns
from paddle_ann.engine.train_accuracy import pixel_counts
from tests.engine import launcher, toy
from tests.engine.test_resume import ROOT

EPOCHS = {"iters": 10000, "save_interval": 1000, "epochs": 4}  # 7 images, batches of 2: 3 updates
SECONDS = ("train_seconds", "eval_seconds")

TRAIN = """
import json, sys
from pathlib import Path
import paddle_ann
from paddle_ann.engine import TrainOptions
from tests.engine import toy
from tests.engine.test_metric_rows import EPOCHS, Kill
root, out, at, where, resume = sys.argv[1:6]
toy.run(Path(root), Path(out), **EPOCHS, val_dataset=toy.dataset(Path(root), "val"), use_vdl=True,
        options=TrainOptions(metrics=True, save_epochs=2), resume_model=resume or None,
        seed=9 if resume else 3, callbacks=[Kill(int(at), where)])
"""


class Kill(Callback):
    """Die at an iteration, at a hook."""

    def __init__(self, at: int, where: str) -> None:
        self.at, self.where = at, where

    def _meet(self, run, where: str) -> None:
        if (run.iteration, where) == (self.at, self.where):
            os._exit(9)

    def on_step(self, run) -> None:
        self._meet(run, "step")

    def on_save(self, run, folder) -> None:
        self._meet(run, "save")

    def on_row(self, run, row) -> None:
        self._meet(run, "row")


def call(root, out, at=0, where="", resume="") -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", TRAIN, *map(str, (root, out, at, where, resume))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def rows(out: Path) -> list[dict[str, str]]:
    with open(out / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


def untimed(out: Path) -> list[dict[str, str]]:
    return [{n: v for n, v in row.items() if n not in SECONDS} for row in rows(out)]


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    done = call(root, out)
    assert done.returncode == 0, done.stderr
    return out


class Watch(Callback):
    """Sum up independently what the rows should hold."""

    def __init__(self):
        self.losses, self.rates, self.right, self.counted, self.rows = [], [], [], [], []
        self.calls = []

    def on_outputs(self, run, outputs, batch):
        predicted, labels = outputs[0].numpy().argmax(1), batch["label"].numpy()
        self.right.append(((predicted == labels) & (labels != 255)).sum())
        self.counted.append((labels != 255).sum())

    def on_step(self, run):
        self.losses.append([run.loss, *run.losses])
        self.rates.append(run.learning_rate)

    def on_row(self, run, row):
        self.rows.append(row)

    def on_save(self, run, folder):
        self.calls.append(("save", run.iteration))

    def on_eval(self, run, scores):
        self.calls.append(("eval", run.iteration))
        self.scores = scores


def run(root, out, watch=None, options=None, **given):
    return toy.run(
        root,
        out,
        **{**EPOCHS, **given},
        callbacks=[watch] if watch else [],
        options=TrainOptions(metrics=True, **(options or {})),
    )["result"]


def test_rows_hold_means_and_scores(root, tmp_path):
    watch, out = Watch(), tmp_path / "out"
    run(root, out, watch, epochs=2, val_dataset=toy.dataset(root, "val"))
    found = rows(out)
    assert [(row["epoch"], row["iteration"]) for row in found] == [("1", "3"), ("2", "6")]
    for number, row in enumerate(found):
        part = slice(3 * number, 3 * number + 3)
        loss, first, second = np.mean(watch.losses[part], axis=0)
        assert float(row["loss"]) == pytest.approx(loss, rel=1e-12)
        assert float(row["loss_0"]) == pytest.approx(first, rel=1e-12)
        assert float(row["loss_1"]) == pytest.approx(second, rel=1e-12)
        assert float(row["learning_rate"]) == watch.rates[part][-1]
        accuracy = sum(watch.right[part]) / sum(watch.counted[part])
        assert float(row["train_accuracy"]) == pytest.approx(accuracy, rel=1e-12)
        assert float(row["train_seconds"]) > 0 and float(row["eval_seconds"]) > 0
    last, scores = found[-1], watch.scores
    assert float(last["mIoU"]) == scores["mIoU"] and float(last["kappa"]) == scores["kappa"]
    assert float(last["test_accuracy"]) == scores["accuracy"]
    for name, iou in zip(CLASS_NAMES["PascalVOC"], scores["class_iou"]):
        cell = last[f"IoU {name}"]
        assert (cell == "") if math.isnan(iou) else (float(cell) == iou)
    assert watch.rows[-1]["iteration"] == 6


def test_evaluation_each_epoch_saves_every_second_and_at_the_end(root, tmp_path):
    watch, out, val = Watch(), tmp_path / "out", toy.dataset(root, "val")
    result = run(root, out, watch, {"save_epochs": 2}, epochs=3, val_dataset=val)
    assert watch.calls == [
        ("eval", 3), ("save", 6), ("eval", 6), ("save", 9), ("eval", 9)
    ]  # fmt: skip
    assert result.iteration == 9 and len(rows(out)) == 3
    assert (out / "best_model/model.pdparams").exists()


def test_epochs_without_evaluation_have_rows_too(root, tmp_path):
    watch, out = Watch(), tmp_path / "out"
    options = {"eval_epochs": 2, "save_epochs": 3}
    run(root, out, watch, options, epochs=3, val_dataset=toy.dataset(root, "val"))
    assert watch.calls == [("eval", 6), ("save", 9), ("eval", 9)]
    assert [row["mIoU"] != "" for row in rows(out)] == [False, True, True]
    run(root, tmp_path / "none", epochs=2)
    found = rows(tmp_path / "none")
    assert len(found) == 2 and "mIoU" not in found[0] and "eval_seconds" not in found[0]


def test_accumulation(root, tmp_path):
    """3 batches an epoch, 2 an update: an update an epoch, over the pixels of both batches."""
    watch, out = Watch(), tmp_path / "out"
    assert run(root, out, watch, {"accumulate": 2}, epochs=2).iteration == 2
    accuracy = sum(watch.right[:2]) / sum(watch.counted[:2])
    assert float(rows(out)[0]["train_accuracy"]) == pytest.approx(accuracy, rel=1e-12)


def test_a_training_that_counts_iterations_has_a_row_for_each_evaluation(root, tmp_path):
    out = tmp_path / "out"
    run(root, out, iters=5, save_interval=2, epochs=None, val_dataset=toy.dataset(root, "val"))
    assert [row["iteration"] for row in rows(out)] == ["2", "4", "5"]


def test_a_schedule_in_epochs_is_exact_when_resumed(root, tmp_path):
    """Halved after each second epoch, that is after 6 updates; stopped within the second epoch."""

    def parts():
        model = toy.Small()
        schedule = paddle.optimizer.lr.StepDecay(0.05, step_size=2 * 3, gamma=0.5)
        optimizer = paddle.optimizer.AdamW(schedule, parameters=model.parameters())
        return {"model": model, "optimizer": optimizer}

    class Stop(Callback):
        def on_step(self, run):
            if run.iteration == 5:
                os.kill(os.getpid(), signal.SIGTERM)

    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        run(root, out, Stop(), **parts())
    watch = Watch()
    run(root, out, watch, **parts(), resume_model="auto")
    assert watch.rates == [0.05] + [0.025] * 6
    assert [float(row["learning_rate"]) for row in rows(out)] == [0.05, 0.05, 0.025, 0.025]


def test_iterations_and_epochs_together_are_refused(root, tmp_path):
    for given, options, message in (
        ({"iters": 7}, {}, "iters is 7 and epochs is 4"),
        ({"save_interval": 2}, {}, r"save_interval is 2 and epochs is 4.*save_epochs"),
        ({"epochs": None}, {"save_epochs": 2}, "save_epochs is 2, but .* counts iterations"),
        ({"epochs": 0}, {}, "epochs must be at least 1; received 0"),
    ):
        with pytest.raises(ValueError, match=message):
            run(root, tmp_path / "out", None, options, **given)
    with pytest.raises(TypeError, match="epochs must be an integer"):
        run(root, tmp_path / "out", epochs=1.5)


def test_iters_per_epoch(root):
    data = toy.dataset(root)  # 7 images
    assert [iters_per_epoch(data, size) for size in (1, 2, 3, 7)] == [7, 3, 2, 1]
    assert iters_per_epoch(data, 1, accumulate=2) == 3
    assert iters_per_epoch(data, 2, accumulate=5) == 1
    assert iters_per_epoch(data, 1, world=2) == 4  # the sampler fills up the last share


def test_early_stop_between_saves_leaves_a_checkpoint(root, tmp_path):
    watch, out = Watch(), tmp_path / "out"
    options = {"save_epochs": 3, "patience": 1, "min_delta": 0.9}
    result = run(root, out, watch, options, val_dataset=toy.dataset(root, "val"))
    assert result.stop_reason and result.iteration == 6
    assert watch.calls == [("eval", 3), ("eval", 6), ("save", 6)] and (out / "iter_6").is_dir()


@pytest.mark.parametrize(
    ("at", "where"),
    [
        pytest.param(2, "step", marks=pytest.mark.slow),  # before anything is saved
        pytest.param(3, "row", marks=pytest.mark.slow),  # best_model is there, and no checkpoint
        pytest.param(8, "step", marks=pytest.mark.slow),
        (9, "row"),  # a row that the checkpoint at 6 does not know
        pytest.param(12, "save", marks=pytest.mark.slow),  # the evaluation is still to be made
        pytest.param(12, "row", marks=pytest.mark.slow),  # it was made, and nobody knows
    ],
)
def test_killed_and_resumed_has_the_same_rows(root, whole, tmp_path, at, where):
    out = tmp_path / "out"
    assert call(root, out, at, where).returncode == 9
    if (out / "metrics.csv").exists() and where == "step":
        with open(out / "metrics.csv", "a") as file:
            file.write("4,12,0.1")  # a line cut off
    done = call(root, out, resume="auto")
    assert done.returncode == 0, done.stderr
    if at > 6:
        assert untimed(out) == untimed(whole)
        toy.assert_same(toy.arrays(whole / "iter_12"), toy.arrays(out / "iter_12"))
        for name in ("best_model", "best_model/training_state.json"):
            assert (out / name).exists()
        best = [(folder / "best_model/model.pdparams").read_bytes() for folder in (out, whole)]
        assert best[0] == best[1]
    else:  # begun anew, with another seed; what was there is kept
        assert len(rows(out)) == 4
        assert at == 2 or len(rows(out / "earlier_1")) == 1


def test_interrupted_in_an_evaluation_between_saves(root, whole, tmp_path):
    """It is saved there and then, and the evaluation is made up for."""
    out = tmp_path / "out"

    val, options, watch = toy.dataset(root, "val"), {"save_epochs": 2}, Watch()

    class Data(type(val)):
        def __getitem__(self, index):
            if index == 4 and len(watch.losses) == 9:
                paddle.rand([1])  # as a transform or a layer might
                os.kill(os.getpid(), signal.SIGTERM)
            return super().__getitem__(index)

    val.__class__ = Data
    with pytest.raises(Interrupted):
        run(root, out, watch, options, val_dataset=val)
    assert [row["iteration"] for row in rows(out)] == ["3", "6"] and (out / "iter_9").is_dir()
    run(root, out, Watch(), options, val_dataset=toy.dataset(root, "val"), resume_model="auto")
    assert untimed(out) == untimed(whole)


def test_other_columns_are_set_aside(root, tmp_path, capsys):
    out = tmp_path / "out"
    run(root, out, epochs=1)
    first = (out / "metrics.csv").read_text()
    run(root, out, epochs=2, resume_model="auto", val_dataset=toy.dataset(root, "val"))
    assert (out / "earlier_1/metrics.csv").read_text() == first
    assert [row["epoch"] for row in rows(out)] == ["2"]
    assert "metrics.csv moved to" in capsys.readouterr().out


def test_a_new_training_keeps_a_file_that_is_there(root, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "metrics.csv").write_text("of,mine\n")
    run(root, out, epochs=1)
    assert (out / "earlier_1/metrics.csv").read_text() == "of,mine\n"


def test_rollback_takes_rows_back(root, tmp_path):
    """The loss is nan once, after a row that the checkpoint does not know."""

    class Spoil(Callback):
        done = False

        def on_batches(self, run):
            if run.iteration == 10 and not self.done:
                self.done = True
                run.batches[0]["img"] = run.batches[0]["img"] * math.nan

    out = tmp_path / "out"
    options = {"non_finite": "rollback", "save_epochs": 2}
    spoil = Spoil()
    run(root, out, spoil, options)
    assert spoil.done and [row["iteration"] for row in rows(out)] == ["3", "6", "9", "12"]


def test_xlsx(root, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    out = tmp_path / "out"
    run(root, out, options={"xlsx": True}, epochs=2)
    sheet = list(openpyxl.load_workbook(out / "metrics.xlsx").active.values)
    assert list(sheet[0]) == list(rows(out)[0])
    loss = float(rows(out)[0]["loss"])  # the format has 16 digits
    assert sheet[2][:2] == (2, 6) and sheet[1][2] == pytest.approx(loss, rel=1e-15)


def test_xlsx_without_openpyxl_is_refused_at_the_start(root, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install openpyxl"):
        run(root, tmp_path / "out", options={"xlsx": True})


def test_visualdl_has_the_rows(root, tmp_path):
    from visualdl import LogReader

    out = tmp_path / "out"
    run(root, out, epochs=2, use_vdl=True)
    log = LogReader(file_path=str(next(out.glob("vdlrecords.*.log"))))
    values = [(item.id, item.value) for item in log.get_data("scalar", "Epoch/train_accuracy")]
    assert [at for at, _ in values] == [3, 6]
    assert values[1][1] == pytest.approx(float(rows(out)[1]["train_accuracy"]), rel=1e-6)


def test_pixel_counts():
    logits = paddle.to_tensor(np.eye(3, dtype="float32")[[0, 1, 2, 0, 1]].T.reshape(1, 3, 1, 5))
    labels = paddle.to_tensor([[[0, 2, 255, 0, 1]]])
    right, counted = pixel_counts([logits], labels, 255)
    assert (int(right), int(counted)) == (3, 4)
    assert [int(n) for n in pixel_counts([logits], labels.unsqueeze(1), 0)] == [1, 3]
    assert pixel_counts([logits[..., :3]], labels, 255) is None
    assert pixel_counts([], labels, 255) is None


def test_class_columns():
    class Data:
        num_classes, CLASS_NAMES = 3, ("sky", "pole", "pole")

    assert class_columns(Data()) == ["IoU sky", "IoU pole 1", "IoU pole 2"]
    Data.num_classes = 2
    assert class_columns(Data()) == ["IoU class 0", "IoU class 1"]


TOGETHER = """
import os, signal, sys
from pathlib import Path
import paddle_ann
from paddle_ann.engine import Callback, TrainOptions
from tests.engine import toy
from tests.engine.test_metric_rows import EPOCHS
root, out, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

class Stop(Callback):
    def on_step(self, run):
        if (run.iteration, run.rank) == (at, 1):
            os.kill(os.getpid(), signal.SIGTERM)

toy.run(root, out, **EPOCHS, val_dataset=toy.dataset(root, "val"), callbacks=[Stop()],
        resume_model="auto", options=TrainOptions(metrics=True, save_epochs=3))
"""


@pytest.mark.slow
def test_two_processes_stopped_and_resumed_have_the_same_rows(root, tmp_path):
    """An evaluation without a checkpoint takes process 0's statistics too, as one with it does."""
    script = tmp_path / "job.py"
    script.write_text(TOGETHER)
    ends = []
    for name, at in (("whole", 0), ("cut", 3), ("cut", 0)):  # an epoch is 2 updates
        out = tmp_path / name
        ends.append(launcher.call(launcher.command(out, script, root, out, at)).returncode)
    assert ends == [0, STOPPED, 0]
    assert untimed(tmp_path / "whole") == untimed(tmp_path / "cut")
    assert len(rows(tmp_path / "cut")) == 4
