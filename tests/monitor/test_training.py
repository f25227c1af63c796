"""A training that tells of itself: the same training, whatever it tells, and however it ends."""

from __future__ import annotations

import gc
import json
import math
import os
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import paddle
import pytest
from paddleseg.models.losses import CrossEntropyLoss

from paddle_ann.engine import Callback, TrainOptions
from paddle_ann.monitor.log_file import torn_logs
from tests.engine import launcher, toy
from tests.engine.test_resume import ROOT
from tests.monitor import logs


class Die(Callback):
    """Fail after an update, or at another hook."""

    def __init__(self, at: int, where: str = "step") -> None:
        self.at, self.where = at, where

    def _meet(self, run, where: str) -> None:
        if (run.iteration, where) == (self.at, self.where):
            raise KeyError("of mine")

    def on_start(self, run) -> None:
        self._meet(run, "start")

    def on_step(self, run) -> None:
        self._meet(run, "step")

    def on_eval(self, run, scores) -> None:
        self._meet(run, "eval")


class Watch(Callback):
    """Keep what the log should hold."""

    def __init__(self) -> None:
        self.norms, self.scores, self.modes = [], [], []

    def on_log(self, run, record) -> None:
        self.norms.append(run.gradient_norm)

    def on_eval(self, run, scores) -> None:
        self.scores.append(scores)
        self.modes.append({layer.training for layer in run.model.sublayers(include_self=True)})


# -- what is told ---------------------------------------------------------------------------------


def test_everything_is_in_the_log(told):
    found = logs.records(told)
    tags = {kind: {tag for tag, *_ in items} for kind, items in found.items()}
    assert {"Train/loss", "Train/loss_0", "Train/lr", "Train/ips", "Train/gradient_norm"} <= tags[
        "value"
    ]
    assert {"Memory/process_GiB", "Evaluate/mIoU", "Evaluate/Acc", "Evaluate/Kappa"} <= tags[
        "value"
    ]
    assert {"Evaluate/loss", "Evaluate/Best_mIoU", "Per-class IoU/bird"} <= tags["value"]
    assert {"Per-class accuracy/car"} <= tags["value"]
    pictures = [(tag, at) for tag, at, _ in found["image"] if tag.startswith("Validation image 3/")]
    each = ("confidence", "error", "prediction", "attention")
    once = [(f"Validation image 3/{name}", 4) for name in ("image", "label")]
    assert sorted(pictures) == sorted(
        once + [(f"Validation image 3/{name}", at) for name in each for at in (4, 8)]
    )
    assert {"Validation image 0/image", "Validation image 6/image"} <= tags["image"]
    assert {"Classes/confusion", "Classes/colours"} <= tags["image"]
    weights = [at for tag, at, _ in found["histogram"] if tag == "Weights/head.cls.weight"]
    assert (
        weights == [2, 4, 6, 8] and "Gradients/head.fusion.stages.0.W.weight" in tags["histogram"]
    )
    assert not any("bias" in tag for tag in tags["histogram"])
    assert tags["pr_curve"] == {"PR/background", "PR/bird", "PR/car"}  # those in the labels
    assert tags["text"] == {"Run/configuration"} and len(found["hparam"]) == 1


def test_the_files_beside_it_hold_the_same_numbers(told):
    values = {(tag, at): value for tag, at, value in logs.records(told)["value"]}
    lines = logs.lines(told)
    assert [(line["event"], line["iteration"]) for line in lines] == [
        *(("train", at) for at in (1, 2, 3, 4)), ("evaluation", 4),
        *(("train", at) for at in (5, 6, 7, 8)), ("evaluation", 8),
    ]  # fmt: skip
    for line in lines:
        at = line["iteration"]
        if line["event"] == "train":
            for name in ("loss", "loss_1", "lr", "gradient_norm"):
                assert values[f"Train/{name}", at] == pytest.approx(line[name], rel=1e-6)
            continue
        for tag, name in (("mIoU", "mIoU"), ("Acc", "accuracy"), ("loss", "loss")):
            assert values[f"Evaluate/{tag}", at] == pytest.approx(line[name], rel=1e-6)
        matrix = np.array(line["confusion"])
        assert line["accuracy"] == pytest.approx(matrix.trace() / matrix.sum())
        assert line["class_accuracy"]["bird"] == pytest.approx(matrix[3, 3] / matrix[3].sum())
        assert "aeroplane" not in line["class_accuracy"]
        group = values["Per-class accuracy/bird", at]
        assert group == pytest.approx(line["class_accuracy"]["bird"], rel=1e-6)


def test_the_validation_loss_is_that_of_the_saved_weights(root, tmp_path):
    logs.run(root, tmp_path / "out", iters=2, save_interval=2)
    model = toy.Small()
    model.set_state_dict(paddle.load(str(tmp_path / "out/iter_2/model.pdparams")))
    model.eval()
    total = pixels = 0
    data = toy.dataset(root, "val")
    for i in range(len(data)):
        labels = paddle.to_tensor(data[i]["label"].astype("int64"))
        logits = model(paddle.to_tensor(data[i]["img"][None]))[0]
        count = int((labels != 255).sum())
        total += count * float(CrossEntropyLoss()(logits, labels))
        pixels += count
    assert logs.lines(tmp_path / "out")[-1]["loss"] == pytest.approx(total / pixels, rel=1e-4)


def test_metrics_alone_leave_lines_and_no_log(root, tmp_path):
    val = toy.dataset(root, "val")
    toy.run(root, tmp_path, iters=2, val_dataset=val, options=TrainOptions(metrics=True))
    assert [line["event"] for line in logs.lines(tmp_path)] == ["train", "train", "evaluation"]
    assert logs.lines(tmp_path)[-1]["loss"] > 0 and (tmp_path / "run.json").exists()
    assert not list(tmp_path.glob("*vdlrecords*"))


def test_without_evaluation_there_are_curves_and_histograms(root, tmp_path):
    logs.run(root, tmp_path, iters=2, val_dataset=None)
    assert set(logs.records(tmp_path)) == {"hparam", "text", "value", "histogram"}


# -- the training is the same ---------------------------------------------------------------------


@pytest.mark.parametrize("make", [toy.Small, logs.ann])
def test_the_weights_are_the_same_to_the_last_bit(root, tmp_path, make):
    ends, watch = {}, Watch()
    for name in ("told", "quiet"):
        with paddle.utils.unique_name.guard():
            paddle.seed(5)
            common = {"model": make(), "val_dataset": toy.dataset(root, "val")}
            out = tmp_path / name
            if name == "told":
                logs.run(root, out, callbacks=[watch], **common)
            else:
                toy.run(root, out, **common)
        ends[name] = out / "iter_8"
    toy.assert_same(*(toy.arrays(folder) for folder in ends.values()))
    states = [
        json.loads((folder / "training_state.json").read_text())["state"]["random"]
        for folder in ends.values()
    ]
    assert states[0] == states[1]
    assert all(math.isfinite(norm) and norm > 0 for norm in watch.norms)


def test_every_layer_is_in_its_mode_again(root, tmp_path):
    class Check(Callback):
        modes = []

        def on_start(self, run):
            self.modes.append([layer.training for layer in run.model.sublayers()])

        def on_step(self, run):
            self.modes.append([layer.training for layer in run.model.sublayers()])

    logs.run(root, tmp_path, model=logs.ann(), save_interval=2, callbacks=[Check()])
    assert len(Check.modes) == 9 and all(modes == Check.modes[1] for modes in Check.modes[1:])


# -- ends and beginnings --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    with paddle.utils.unique_name.guard():
        logs.run(root, out)
    return out


@pytest.mark.parametrize(("at", "where"), [(7, "step"), (4, "eval"), (5, "step")])
def test_a_resumed_training_has_told_what_a_whole_one_has(root, whole, tmp_path, at, where):
    out = tmp_path / "out"
    with pytest.raises(KeyError):
        logs.run(root, out, callbacks=[Die(at, where)])
    log = logs.log_of(out)
    with open(log, "ab") as file:
        file.write(b"\x20\0\0\0\0\0\0\0half")
    with open(out / "metrics.jsonl", "ab") as file:
        file.write(b'{"event": "tra')
    logs.run(root, out, resume_model="auto", seed=9)
    assert logs.log_of(out) == log
    assert logs.untimed(out) == logs.untimed(whole)
    assert logs.lines(out) == logs.lines(whole)
    assert len(json.loads((out / "run.json").read_text())["parts"]) == 2


def test_a_training_that_went_back_tells_nothing_twice(root, tmp_path):
    class Spoil(Callback):
        left = 1

        def on_batches(self, run):
            if run.iteration == 5 and self.left:
                self.left = 0
                run.batches[0]["img"] = run.batches[0]["img"] * math.nan

    spoil = Spoil()
    logs.run(root, tmp_path, {"non_finite": "rollback"}, callbacks=[spoil])
    assert spoil.left == 0
    found = logs.records(tmp_path)
    assert [at for tag, at, _ in found["value"] if tag == "Train/loss"] == list(range(1, 9))
    tags = [(tag, at) for tag, at, _ in found["histogram"]]
    assert len(tags) == len(set(tags))
    steps = [line["iteration"] for line in logs.lines(tmp_path) if line["event"] == "train"]
    assert steps == list(range(1, 9))


def test_a_checkpoint_of_an_earlier_version_cuts_by_iterations(root, tmp_path):
    """It says nothing about the log's length."""
    logs.run(root, tmp_path, iters=6, save_interval=4)
    for name in ("iter_4", "iter_6"):
        for file in (tmp_path / name).glob("*.json"):
            state = json.loads(file.read_text())
            parts = state.get("state", state).get("parts", {}).get("callbacks", {})
            for member in ("VisualDLLog.0", "MetricLines.0", "Pictures.0"):
                parts.pop(member, None)
            file.write_text(json.dumps(state))
    (tmp_path / "iter_6/manifest.json").unlink()
    (tmp_path / "iter_4/manifest.json").unlink()
    logs.run(root, tmp_path, resume_model=str(tmp_path / "iter_6"), iters=8)
    found = logs.records(tmp_path)["value"]
    assert [at for tag, at, _ in found if tag == "Train/loss"] == list(range(1, 9))
    steps = [line["iteration"] for line in logs.lines(tmp_path) if line["event"] == "train"]
    assert steps == list(range(1, 9))


def test_a_new_training_moves_what_another_has_told(root, tmp_path):
    (tmp_path / "vdlrecords.1.log").write_bytes(b"of mine")
    (tmp_path / "metrics.jsonl").write_text("of mine")
    logs.run(root, tmp_path, iters=1)
    assert (tmp_path / "earlier_1/vdlrecords.1.log").read_bytes() == b"of mine"
    assert (tmp_path / "earlier_1/metrics.jsonl").read_text() == "of mine"
    assert len(logs.lines(tmp_path)) == 2 and logs.log_of(tmp_path)


def test_a_training_that_died_at_once_leaves_no_log(root, tmp_path):
    with pytest.raises(KeyError):
        logs.run(root, tmp_path, callbacks=[Die(0, "start")])
    assert not list(tmp_path.glob("*vdlrecords*"))
    (part,) = json.loads((tmp_path / "run.json").read_text())["parts"]
    assert part["end"]["reason"] == "KeyError: 'of mine'"


def test_the_limit_stops_pictures_and_no_curves(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("paddle_ann.monitor.vdl.MIB", 5000)
    logs.run(root, tmp_path, {"vdl_mib": 2})
    assert capsys.readouterr().out.count("has reached 2 MiB") == 1
    found = logs.records(tmp_path)
    assert sum(len(item[2]) for item in found.get("image", [])) < 10000
    assert [at for tag, at, _ in found["value"] if tag == "Evaluate/mIoU"] == [4, 8]
    assert logs.log_of(tmp_path).stat().st_size < 40000


KILLED = """
import os, signal, sys
from pathlib import Path
import paddle_ann
from paddle_ann.engine import Callback
from tests.monitor import logs

class Announce(Callback):
    def on_step(self, run):
        if run.iteration == 12:
            os.kill(os.getpid(), signal.SIGKILL)

logs.run(Path(sys.argv[1]), Path(sys.argv[2]), iters=50, log_iters=5, callbacks=[Announce()])
"""


def test_a_log_of_a_killed_training_can_be_read(root, tmp_path):
    """All up to the last log line, whatever time has passed since."""
    out = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, str(root), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert torn_logs(out) == {}
    found = logs.records(out)
    assert [at for tag, at, _ in found["value"] if tag == "Train/loss"] == [5, 10]
    assert {at for _, at, _ in found["image"]} == {4, 8, 12} - {12}
    assert [line["iteration"] for line in logs.lines(out)] == [4, 5, 8, 10]


@pytest.mark.slow
def test_memory_does_not_grow(root, tmp_path):
    """What an evaluation keeps for its pictures is let go again; numpy's arrays are traced too."""

    class Trace(Callback):
        found = []

        def on_start(self, run):
            tracemalloc.start()

        def on_eval(self, run, scores):
            if run.iteration in (3, 9):
                gc.collect()
                self.found.append(tracemalloc.get_traced_memory()[0])

        def on_end(self, run):
            tracemalloc.stop()

    given = {"iters": 9, "save_interval": 1, "model": logs.ann()}
    logs.run(root, tmp_path, {"vdl_images": 1}, callbacks=[Trace()], **given)
    assert Trace.found[1] - Trace.found[0] < 50_000, Trace.found


@pytest.mark.slow
def test_two_processes_tell_once_and_train_as_before(root, tmp_path):
    ends = {}
    for name, use_vdl in (("told", True), ("quiet", False)):
        out = tmp_path / name
        done = launcher.launch(root, out, iters=8, use_vdl=use_vdl)
        assert done.returncode == 0, done.stdout + done.stderr
        ends[name] = out
    launcher.assert_ended_alike(*ends.values())
    found = logs.records(ends["told"])
    tags = [
        (tag, at) for kind in ("value", "image", "histogram") for tag, at, _ in found.get(kind, [])
    ]
    assert len(tags) == len(set(tags)) and ("Evaluate/loss", 8) in tags
    evaluated = [line for line in logs.lines(ends["told"]) if line["event"] == "evaluation"]
    assert sum(map(sum, evaluated[-1]["confusion"])) > 0
