"""Resuming is exact: killed anywhere and resumed, a training ends as it would have."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import paddle
import pytest

from paddle_ann.engine import STOPPED, Callback, Interrupted, TrainOptions
from tests.engine import toy

ROOT = Path(__file__).resolve().parents[2]

TRAIN = """
import sys
from pathlib import Path
import paddle_ann
from tests.engine import toy
from tests.engine.test_resume import Rows, Signal
root, out, iters, resume, sent, workers = sys.argv[1:7]
rows = Rows(Path(out) / "rows.csv")
plugged = [rows, *([Signal(int(sent))] if sent != "0" else [])]
toy.run(Path(root), Path(out), iters=int(iters), save_interval=3, log_iters=2, callbacks=plugged,
        resume_model=resume or None, val_dataset=toy.dataset(Path(root), "val"), use_ema=True,
        num_workers=int(workers), seed=99 if list(Path(out).glob("iter_*")) else 3)
"""


class Rows(Callback):
    """Append a row per log line and evaluation; drop those that the checkpoint does not know.

    A kill can come between the row of an evaluation and the note that the evaluation is over. It
    is made again then, so that rows are counted; their iteration does not tell.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.count = file, 0

    def on_start(self, run) -> None:
        rows = self.file.read_text().splitlines() if self.file.exists() else []
        self.file.parent.mkdir(exist_ok=True)
        part = self.file.with_suffix(".part")  # a kill in between must lose no row
        part.write_text("".join(f"{row}\n" for row in rows[: self.count]))
        part.replace(self.file)

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state) -> None:
        self.count = state["count"]

    def _add(self, run, *values) -> None:
        row = ",".join([str(run.iteration), *(float(value).hex() for value in values)])
        with self.file.open("a") as file:
            file.write(f"{row}\n")
        self.count += 1

    def on_log(self, run, record) -> None:
        self._add(run, record["loss"], record["loss_0"], record["loss_1"], record["lr"])

    def on_eval(self, run, scores) -> None:
        self._add(run, scores["mIoU"], scores["ema_mIoU"], run.best["model"][0])


class Signal(Callback):
    """Send this process a signal after an iteration."""

    def __init__(self, at: int, number: int = signal.SIGTERM) -> None:
        self.at, self.number = at, number

    def on_step(self, run) -> None:
        if run.iteration == self.at:
            os.kill(os.getpid(), self.number)


def call(root, out, iters=11, resume="", sent=0, workers=0) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", TRAIN, *map(str, (root, out, iters, resume, sent, workers))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory) -> Path:
    """The uninterrupted training, in a process of its own."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = call(root, out)
    assert done.returncode == 0, done.stderr
    return out


def assert_ended_alike(whole: Path, other: Path) -> None:
    toy.assert_same(toy.arrays(whole / "iter_11"), toy.arrays(other / "iter_11"))
    for name in ("best_model/model.pdparams", "ema_best_model/ema_model.pdparams"):
        assert (whole / name).read_bytes() == (other / name).read_bytes(), name
    assert (whole / "rows.csv").read_text() == (other / "rows.csv").read_text()


@pytest.mark.parametrize(("at", "workers"), [(1, 0), (6, 0), (7, 2)])
def test_stopped_and_resumed_ends_as_the_whole_training(root, whole, tmp_path, at, workers):
    out = tmp_path / "out"
    stopped = call(root, out, sent=at, workers=workers)
    assert stopped.returncode == STOPPED, stopped.stderr
    assert f"Stopped by SIGTERM after iteration {at}" in stopped.stdout
    assert (out / f"iter_{at}").is_dir()
    resumed = call(root, out, resume="auto")
    assert resumed.returncode == 0, resumed.stderr
    assert_ended_alike(whole, out)


def test_killed_while_it_evaluates(root, whole, tmp_path, monkeypatch):
    """The checkpoint is there already; the evaluation is made up for."""
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    for name in ("iter_9", "iter_11"):
        shutil.rmtree(out / name)
    (out / "iter_6/evaluation.json").unlink()
    for name in ("best_model", "ema_best_model"):
        shutil.rmtree(out / name)
    rows = (out / "rows.csv").read_text().splitlines()
    before = [row for row in rows if int(row.split(",")[0]) < 6]
    (out / "rows.csv").write_text("".join(f"{row}\n" for row in [*before, rows[len(before)]]))
    resumed = call(root, out, resume="auto")
    assert resumed.returncode == 0, resumed.stderr
    toy.assert_same(toy.arrays(whole / "iter_11"), toy.arrays(out / "iter_11"))
    assert (whole / "rows.csv").read_text() == (out / "rows.csv").read_text()


def test_resume_in_the_same_process(root, whole, tmp_path):
    """As in a notebook: Paddle's parameter names count on."""
    out = tmp_path / "out"
    common = dict(save_interval=3, log_iters=2, val_dataset=toy.dataset(root, "val"), use_ema=True)
    with pytest.raises(Interrupted) as stopped:
        toy.run(root, out, iters=11, callbacks=[Rows(out / "rows.csv"), Signal(4)], **common)
    assert stopped.value.code == STOPPED
    rows = Rows(out / "rows.csv")
    toy.run(root, out, iters=11, seed=99, resume_model="auto", callbacks=[rows], **common)
    theirs, ours = (toy.arrays(folder / "iter_11") for folder in (whole, out))
    weights = [name for name in theirs if "pdparams" in name and "@@" not in name]
    toy.assert_same({n: theirs[n] for n in weights}, {n: ours[n] for n in weights})
    assert (whole / "rows.csv").read_text() == (out / "rows.csv").read_text()


def test_auto_without_a_checkpoint_begins(root, tmp_path, capsys):
    toy.run(root, tmp_path / "out", iters=2, resume_model="auto")
    assert "a new training begins" in capsys.readouterr().out


def test_a_changed_configuration_is_refused_with_a_diff(root, tmp_path, capsys):
    toy.run(root, tmp_path / "out", iters=2)
    with pytest.raises(ValueError, match=r"(?s)batch_size: 2 then, 3 now.*force_resume"):
        toy.run(root, tmp_path / "out", batch_size=3, resume_model="auto")
    options = TrainOptions(force_resume=True)
    found = toy.run(root, tmp_path / "out", batch_size=3, resume_model="auto", options=options)
    assert found["result"].iteration == 8
    assert "batch_size: 2 then, 3 now" in capsys.readouterr().out


def test_more_iterations_are_no_change(root, tmp_path):
    toy.run(root, tmp_path / "out", iters=2)
    assert toy.run(root, tmp_path / "out", iters=5, resume_model="auto")["result"].iteration == 5


def test_a_damaged_checkpoint_is_reported_and_the_one_before_taken(root, tmp_path, capsys):
    out = tmp_path / "out"
    toy.run(root, out, iters=8, save_interval=4)
    file = out / "iter_8/model.pdparams"
    damaged = file.read_bytes()[:-7]
    file.write_bytes(damaged)
    with pytest.raises(ValueError, match="iter_8"):
        toy.run(root, out, resume_model=out / "iter_8")
    toy.run(root, out, resume_model="auto")
    printed = capsys.readouterr().out
    assert "iter_8 is passed over" in printed and "Resume model from" in printed
    assert (out / "earlier_1/iter_8/model.pdparams").read_bytes() == damaged


def test_a_worse_model_does_not_replace_the_best(root, tmp_path):
    out, val = tmp_path / "out", toy.dataset(root, "val")
    toy.run(root, out, iters=4, val_dataset=val)
    best = (out / "best_model/model.pdparams").read_bytes()

    class Spoil(Callback):
        def on_step(self, run):  # a class that no mask holds
            run.model.cls.bias.set_value(paddle.eye(toy.CLASSES)[20] * 1e6)

    found = toy.run(root, out, iters=8, val_dataset=val, resume_model="auto", callbacks=[Spoil()])
    assert found["result"].best["model"][1] == 4
    assert (out / "best_model/model.pdparams").read_bytes() == best


def test_a_checkpoint_of_paddlesegs_own_loop_can_be_resumed(root, tmp_path, capsys):
    out = tmp_path / "out"
    toy.run(root, out, iters=4, val_dataset=toy.dataset(root, "val"))
    for name in ("iter_4", "best_model"):  # as PaddleSeg leaves them
        for file in (out / name).glob("*.json"):
            file.unlink()
    assert toy.run(root, out, resume_model=out / "iter_4")["result"].iteration == 8
    assert "PaddleSeg's own loop" in capsys.readouterr().out
    assert (out / "earlier_1/best_model/model.pdparams").exists()


@pytest.mark.slow
def test_killed_at_random_moments(root, whole, tmp_path):
    """SIGKILL, again and again, most of them after the imports, until it is through."""
    generator = random.Random(5)
    start = time.monotonic()
    assert call(root, tmp_path / "once").returncode == 0
    length = time.monotonic() - start
    out, kills = tmp_path / "out", 0
    for attempt in range(60):
        command = [sys.executable, "-c", TRAIN, *map(str, (root, out, 11, "auto", 0, 0))]
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
        time.sleep(length * (generator.uniform(0.6, 1.1) if attempt else 0.8))
        if process.poll() is None:
            process.kill()
            kills += 1
        if process.wait() == 0:
            break
    assert process.returncode == 0 and kills > 0
    assert_ended_alike(whole, out)
