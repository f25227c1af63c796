"""`train`: beside PaddleSeg's own loop, its refusals, its logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import paddle
import paddleseg.core
import psutil
import pytest

from paddle_ann.engine import Callback, Result, TrainOptions, train
from tests.engine import toy

ROOT = Path(__file__).resolve().parents[2]

OWN_LOOP = """
import json, sys
from pathlib import Path
import paddle_ann
from paddleseg.core import train
from tests.engine import toy
toy.train = train
root, out = map(Path, sys.argv[1:3])
toy.run(root, out, train_dataset=toy.dataset(root, augment=False),
        val_dataset=toy.dataset(root, "val"), use_vdl=True, use_ema=True)
"""


@pytest.fixture
def root(tmp_path):
    return tmp_path / "voc"


class Rows(Callback):
    """Keep what the hooks are given."""

    def __init__(self):
        self.calls, self.steps = [], []

    def on_start(self, run):
        self.calls.append(("start", run.iteration))

    def on_step(self, run):
        self.steps.append((run.iteration, run.epoch, run.losses, run.samples))

    def on_log(self, run, record):
        self.calls.append(("log", run.iteration))

    def on_save(self, run, folder):
        self.calls.append(("save", folder.name))

    def on_eval(self, run, scores):
        self.calls.append(("eval", run.iteration))

    def on_end(self, run):
        self.calls.append(("end", run.failure))


def test_it_is_paddlesegs_train():
    assert paddleseg.core.train is train
    assert sys.modules["paddleseg.core.train"].train is train


def read_scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from visualdl import LogReader

    (file,) = folder.glob("vdlrecords.*")
    reader = LogReader(file_path=str(file))
    return {
        tag: [(item.id, item.value) for item in reader.get_data("scalar", tag)]
        for tag in reader.get_tags()["scalar"]
    }


def test_equal_to_paddlesegs_own_loop_to_the_last_bit(root, tmp_path):
    """Where PaddleSeg's is right: same seed, same data without augmentation, a moving average."""
    toy.dataset(root)
    environment = {**os.environ, "PADDLE_ANN_COMPAT": "minimal", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", OWN_LOOP, str(root), str(tmp_path / "theirs")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    with paddle.utils.unique_name.guard():  # the optimizer's state goes by parameters' names
        toy.run(
            root,
            tmp_path / "ours",
            train_dataset=toy.dataset(root, augment=False),
            val_dataset=toy.dataset(root, "val"),
            use_vdl=True,
            use_ema=True,
        )
    for name in ("iter_4", "iter_8"):
        toy.assert_same(*(toy.arrays(tmp_path / side / name) for side in ("theirs", "ours")))
    theirs, ours = (read_scalars(tmp_path / side) for side in ("theirs", "ours"))
    assert theirs.keys() <= ours.keys()  # ours has more; see tests/monitor
    assert len(ours["Train/loss"]) == 8
    for tag in ("Train/loss", "Train/loss_0", "Train/loss_1", "Train/lr", "Evaluate/mIoU"):
        assert theirs[tag] == ours[tag], tag
    lines = [line for line in done.stdout.splitlines() if "[TRAIN]" in line]
    assert len(lines) == 8


def test_log_lines_are_those_of_paddleseg(root, tmp_path, capsys):
    toy.run(root, tmp_path / "out", iters=3, log_iters=3)
    (line,) = [text for text in capsys.readouterr().out.splitlines() if "[TRAIN]" in text]
    import re

    assert re.search(
        r"\[TRAIN\] epoch: 1, iter: 3/3, loss: \d+\.\d{4}, lr: 0\.0\d{5}, batch_cost: \d\.\d{4}, "
        r"reader_cost: \d\.\d{5}, ips: \d+\.\d{4} samples/sec \| ETA 00:00:00$",
        line,
    ), line


def test_hooks_are_called_in_order(root, tmp_path):
    rows = Rows()
    found = toy.run(
        root, tmp_path / "out", iters=4, save_interval=2, log_iters=2, callbacks=[rows],
        val_dataset=toy.dataset(root, "val"),
    )  # fmt: skip
    assert rows.calls == [
        ("start", 0),
        *(("log", 2), ("save", "iter_2"), ("eval", 2)),
        *(("log", 4), ("save", "iter_4"), ("eval", 4)),
        ("end", None),
    ]
    assert [row[0] for row in rows.steps] == [1, 2, 3, 4]
    assert [row[1] for row in rows.steps] == [1, 1, 1, 2]
    assert all(len(row[2]) == 2 and len(row[3][0]) == 2 for row in rows.steps)
    assert isinstance(found["result"], Result)
    assert found["result"].best["model"][1] in (2, 4)
    assert (tmp_path / "out/best_model/model.pdparams").exists()


def test_a_callback_can_end_the_training(root, tmp_path):
    class Enough(Callback):
        def on_step(self, run):
            if run.iteration == 3:
                run.stop_reason = "enough"

    result = toy.run(root, tmp_path / "out", callbacks=[Enough()])["result"]
    assert (result.iteration, result.stop_reason) == (3, "enough")
    assert [path.name for path in (tmp_path / "out").glob("iter_*")] == ["iter_3"]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("failing", [False, True])
def test_no_reader_is_left_by_a_training_that_ends_early(root, tmp_path, workers, failing):
    class End(Callback):
        def on_step(self, run):
            run.stop_reason = "enough"
            if failing:
                raise KeyError("mine")

    def left():
        """What is there beside what was: threads, child processes."""
        return set(threading.enumerate()) - threads, set(process.children()) - children

    process = psutil.Process()
    threads, children = set(threading.enumerate()), set(process.children())
    error = None
    try:
        toy.run(root, tmp_path / "out", iters=40, num_workers=workers, callbacks=[End()])
    except KeyError as caught:
        error = caught  # its traceback holds the loop's frames
    assert bool(error) == failing
    deadline = time.monotonic() + 5
    while any(left()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left() == (set(), set())


def test_on_end_is_called_after_a_failure(root, tmp_path):
    class Bad(Callback):
        def on_step(self, run):
            raise KeyError("mine")

    rows = Rows()
    with pytest.raises(KeyError, match="mine"):
        toy.run(root, tmp_path / "out", callbacks=[Bad(), rows])
    assert isinstance(rows.calls[-1][1], KeyError)


def test_a_new_training_overwrites_no_earlier_one(root, tmp_path):
    out = tmp_path / "out"
    toy.run(root, out, iters=2, val_dataset=toy.dataset(root, "val"))
    before = {path: path.read_bytes() for path in out.rglob("*.pd*")}
    with pytest.raises(FileExistsError, match=r"iter_2, best_model.*resume_model='auto'"):
        toy.run(root, out, iters=2)
    assert before == {path: path.read_bytes() for path in out.rglob("*.pd*")}
    toy.run(root, out, iters=2, options=TrainOptions(set_aside=True))
    moved = {path: (out / "earlier_1" / path.relative_to(out)).read_bytes() for path in before}
    assert moved == before


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"iters": 0}, ValueError, "iters must be at least 1; received 0"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an integer"),
        ({"log_iters": 0}, ValueError, "log_iters"),
        ({"optimizer": None}, TypeError, "optimizer must be one of paddle.optimizer's"),
        ({"batch_size": 9}, ValueError, "7 samples.*batch_size 9"),
        ({"precision": "fp8"}, ValueError, "fp32, fp16, bf16, auto"),
        ({"amp_level": "O3"}, ValueError, "O1 or O2"),
        ({"profiler_options": "x"}, ValueError, "profiler_options"),
        ({"keep_checkpoint_max": -1}, ValueError, "keep_checkpoint_max"),
        ({"callbacks": [print]}, TypeError, "callbacks must be a list"),
        ({"resume_model": "nowhere/iter_4"}, FileNotFoundError, "nowhere/iter_4 does not exist"),
        ({"losses": None}, ValueError, "losses"),
        ({"test_config": {"is_slde": True}}, ValueError, "'is_slde'; did you mean 'is_slide'"),
        ({"options": TrainOptions(accumulate=4)}, ValueError, "7 samples.*4 batches accumulated"),
    ],
)
def test_refused_before_anything_is_written(root, tmp_path, given, error, message):
    with pytest.raises(error, match=message):
        toy.run(root, tmp_path / "out", **given)
    assert not list(tmp_path.glob("out/*.pd*")) and not list(tmp_path.glob("out/iter_*"))


def test_settings_of_predict_in_test_config_are_left_to_it(root, tmp_path):
    given = {"custom_color": [0, 0, 0], "aug_eval": True, "scales": 1.0}
    toy.run(root, tmp_path / "o", iters=1, val_dataset=toy.dataset(root, "val"), test_config=given)


def test_no_log_file_of_a_training_that_died_at_once(root, tmp_path):
    class Bad(Callback):
        def on_start(self, run):
            raise KeyError("mine")

    with pytest.raises(KeyError):
        toy.run(root, tmp_path / "out", use_vdl=True, callbacks=[Bad()])
    assert not list((tmp_path / "out").glob("vdlrecords.*"))


def test_state_is_readable(root, tmp_path):
    toy.run(root, tmp_path / "out", iters=2)
    text = (tmp_path / "out/iter_2/training_state.json").read_text()
    assert json.loads(text)["state"]["iteration"] == 2
    assert np.isfinite(len(text))


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("model", "ANN", "paddle.nn.Layer"),
        ("train_dataset", {"img": 1}, "data set"),
        ("val_dataset", "voc", "data set"),
        ("save_dir", True, "path"),
        ("test_config", "aug_eval", "dict"),
        ("options", {"patience": 3}, "TrainOptions"),
        ("callbacks", None, "list"),
        ("callbacks", [3], "Callback"),
        ("num_workers", None, "integer"),
        ("resume_model", 3, "folder"),
        ("keep_checkpoint_max", "5", "whole number"),
    ],
)
def test_arguments_of_another_kind(tmp_path, name, value, kind):
    with pytest.raises(TypeError, match=f"{name} .*{kind}"):
        toy.train(**{**arguments_of(tmp_path), name: value})


def arguments_of(folder):
    data = toy.dataset(folder / "voc")
    return {**toy.make(), "train_dataset": data, "iters": 1, "save_dir": str(folder / "out")}
