"""What does not fail but is wrong is said once, with numbers; and nothing is said without cause."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_ann.engine import Callback, Interrupted, TrainOptions
from paddle_ann.engine.loop import Loop
from paddle_ann.engine.schedule_checks import schedule_faults
from paddle_ann.engine.symptoms import never_predicted, risen, stuck
from tests.engine import toy
from tests.engine.test_resume import Signal

lr = paddle.optimizer.lr


@pytest.fixture
def warned(capsys):
    """Return the warnings printed so far."""

    def lines():
        printed = capsys.readouterr().out.splitlines()
        return [line.partition("[WARNING]\t")[2] for line in printed if "[WARNING]" in line]

    return lines


def with_rate(rate):
    model = toy.Small()
    optimizer = paddle.optimizer.Momentum(rate, parameters=model.parameters())
    return {"model": model, "optimizer": optimizer}


# -- no false alarm -------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"use_ema": True, "log_iters": 2}])
def test_a_sound_training_is_not_warned_about(root, tmp_path, warned, given):
    val = toy.dataset(root, "val")
    toy.run(root, tmp_path / "out", iters=30, save_interval=15, val_dataset=val, **given)
    assert warned() == []


@pytest.mark.parametrize(
    "rate",
    [0.02, lr.LinearWarmup(lr.PolynomialDecay(0.05, 11), 3, 0.0, 0.05), lr.StepDecay(0.05, 5)],
)
def test_sound_schedules_are_not_warned_about(root, tmp_path, warned, rate):
    toy.run(root, tmp_path / "out", iters=14, **with_rate(rate))
    assert warned() == []


# -- the learning rate ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (lr.PolynomialDecay(0.1, 7, end_lr=0.001), "7 iterations, and the training has 11: for the "
         "last 4 the learning rate stays at 0.001"),
        (lr.CosineAnnealingDecay(0.1, T_max=8), "for the last 3 the learning rate rises again"),
        (lr.LinearWarmup(lr.PolynomialDecay(0.1, 7), 3, 0, 0.1), "7 iterations after 3 of warm-up, "
         "and the training has 11: for the last 1 the"),
        (lr.LinearWarmup(lr.PolynomialDecay(0.1, 7), 20, 0, 0.1), "warm-up of the learning rate "
         "takes 20 iterations, and the training has 11: the rate gets to 0.05 of 0.1"),
    ],
)  # fmt: skip
def test_schedules_that_do_not_fit(schedule, text):
    (line,) = schedule_faults(schedule, 11)
    assert text in line


@pytest.mark.parametrize(
    "schedule",
    [
        0.1, lr.PolynomialDecay(0.1, 11), lr.PolynomialDecay(0.1, 40),
        lr.PolynomialDecay(0.1, 5, cycle=True), lr.CosineAnnealingDecay(0.1, T_max=11),
        lr.LinearWarmup(lr.PolynomialDecay(0.1, 8), 3, 0, 0.1), lr.LinearWarmup(0.1, 10, 0, 0.1),
        lr.ReduceOnPlateau(0.1),
    ],
)  # fmt: skip
def test_schedules_that_fit(schedule):
    assert schedule_faults(schedule, 11) == []


def test_a_short_schedule_is_told_once(root, tmp_path, warned):
    given = with_rate(lr.PolynomialDecay(0.05, decay_steps=3, end_lr=0))
    toy.run(root, tmp_path / "out", iters=17, log_iters=1, **given)
    (line,) = warned()
    assert "PolynomialDecay takes 3 iterations, and the training has 17" in line


def test_a_rate_of_zero(root, tmp_path, warned):
    rate = lr.LambdaDecay(0.05, lambda step: float(step < 4))
    toy.run(root, tmp_path / "out", iters=17, **with_rate(rate))
    (line,) = warned()
    assert "has been 0 for 10 iterations, since iteration 5 of 17" in line


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        ([1, 2.1, 2.1, 2.1], True),
        ([1, 0.9, 2.1, 3, 4], True),
        ([1, 2.1, 1.9, 2.1], False),
        ([1, 2.1, 2.1], False),
        ([2.1, 2.1, 2.1, 2.1], False),
        ([0, 1, 1, 1], False),
        ([1, float("nan"), 3, 3], False),
    ],
)
def test_risen(losses, found):
    assert risen(losses) is found


def test_a_rate_that_is_too_high(root, tmp_path, warned):
    toy.run(root, tmp_path / "out", iters=12, **with_rate(300.0))
    lines = [line for line in warned() if line.startswith("The loss rose from")]
    assert len(lines) == 1
    assert "the learning rate is 300" in lines[0] and "try a tenth" in lines[0]


# -- the loss -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "found"),
    [([3.0] * 10, True), ([3.0] * 9, False), ([3.0] * 9 + [3.001], False), ([0.0] * 10, True)],
)
def test_stuck(losses, found):
    assert stuck(losses) is found


def test_a_loss_that_does_not_move(root, tmp_path, warned):
    toy.run(root, tmp_path / "out", iters=13, model=Deaf())
    (line,) = [line for line in warned() if "has not moved" in line]
    assert "in 10 log lines, up to iteration 10" in line


class Deaf(toy.Small):
    """The same logits for every image."""

    def forward(self, x):
        return [y * 0 for y in super().forward(x)]


@pytest.fixture
def ignored(root, tmp_path):
    """A data set in which 4 of the 7 masks are all ignore_index."""
    from PIL import Image

    copy = tmp_path / "ignored"
    data = toy.dataset(copy)
    for _, mask in data.file_list[:4]:
        picture = Image.open(mask)
        picture.paste(255, (0, 0, *picture.size))
        picture.save(mask)
    return data


def test_batches_without_a_labelled_pixel(ignored, tmp_path, warned):
    seen = []

    class Labels(Callback):
        def on_step(self, run):
            labels = run.batches[0]["label"]
            seen.append((bool((labels == 255).all()), run.samples[0]))

    toy.run(None, tmp_path / "out", train_dataset=ignored, iters=12, callbacks=[Labels()])
    empty = [(i, samples) for i, (is_empty, samples) in enumerate(seen, 1) if is_empty]
    assert 1 < len(empty) < 12
    lines = [line for line in warned() if "labelled pixel" in line]
    number, samples = empty[0]
    assert lines[0].startswith(f"Batch {number} of the training has no labelled pixel")
    assert all(ignored.file_list[index][1] in lines[0] for index in samples)
    assert lines[1:] == [f"{len(empty)} of 12 batches had no labelled pixel."]


# -- gradients ------------------------------------------------------------------------------------


class Unused(toy.Small):
    """One layer takes no part, one only times zero."""

    def __init__(self):
        super().__init__()
        self.spare, self.muted = paddle.nn.Conv2D(3, 3, 1), paddle.nn.Conv2D(3, 5, 1)

    def forward(self, x):
        muted = self.muted(x).mean() * 0
        return [y + muted for y in super().forward(x)]


def test_parameters_without_gradient_are_named(root, tmp_path, warned):
    toy.run(root, tmp_path / "out", model=Unused(), iters=7)
    missing, zero = warned()
    assert missing.startswith(
        "2 parameters had no gradient in the first 5 updates: spare.weight, spare.bias."
    )
    assert zero.startswith("2 parameters had a gradient of zeros in the first 5 updates: muted.")


def test_frozen_parameters_are_not(root, tmp_path, warned):
    options = TrainOptions(freeze=["spare", "muted"])
    toy.run(root, tmp_path / "out", model=Unused(), iters=7, options=options)
    assert warned() == []


def test_no_gradient_at_all(root, tmp_path, warned):
    toy.run(root, tmp_path / "out", model=Deaf(), iters=7)
    (line,) = warned()
    assert line.startswith("All gradients are zero in iteration 1, at a loss of 4.2")


# -- classes --------------------------------------------------------------------------------------


@pytest.fixture
def scores(monkeypatch):
    """Let evaluations find these IoU of classes, by iteration."""
    by_iteration: dict[int, list[float]] = {}

    def scores_of(self, model, watch=None):
        values = by_iteration[self.run.iteration]
        return {"mIoU": 0.1, "accuracy": 0.5, "class_iou": values, "class_precision": values}

    monkeypatch.setattr(Loop, "scores_of", scores_of)
    return by_iteration


def ious(**values):
    nan = float("nan")  # classes in neither labels nor predictions
    return [values.get(f"c{i}", nan) for i in range(toy.CLASSES)]


def test_dead_classes(root, tmp_path, scores, warned):
    """Class 5 is predicted and in no label; 7 recovers once."""
    for iteration in range(1, 9):
        recovered = 0.2 if iteration == 3 else 0.0
        scores[iteration] = ious(c0=0.3, c3=0.0, c5=0.0, c7=recovered)
    toy.run(root, tmp_path / "out", save_interval=1, val_dataset=toy.dataset(root, "val"))
    first, second = warned()
    assert "last 3 evaluations, up to iteration 3: class 3 (" in first
    assert "up to iteration 6: class 7 (" in second


def test_never_predicted_is_not_never_right():
    """Class 0 is predicted wrongly, 1 never, 2 is in no label."""
    matrix = np.array([[0, 0, 7], [5, 0, 0], [0, 0, 0]])
    assert never_predicted({"confusion": matrix}) == [False, True, False]
    assert never_predicted({"class_iou": [0.0, 0.3, float("nan")]}) == [True, False, False]


def test_what_was_said_is_not_said_again_after_a_resume(root, tmp_path, scores, warned):
    scores.update({iteration: ious(c0=0.3, c3=0.0) for iteration in range(1, 20)})
    given = {
        "save_interval": 1, "val_dataset": toy.dataset(root, "val"), "model": Unused(), "iters": 12
    }  # fmt: skip
    with pytest.raises(Interrupted):
        toy.run(root, tmp_path / "out", callbacks=[Signal(2)], **given)
    assert warned() == []
    with pytest.raises(Interrupted):
        toy.run(root, tmp_path / "out", callbacks=[Signal(7)], resume_model="auto", **given)
    assert len(warned()) == 3  # counted on from before
    toy.run(root, tmp_path / "out", resume_model="auto", **given)
    assert warned() == []


def test_a_schedule_is_not_told_again_either(root, tmp_path, warned):
    def train(**given):
        rate = lr.PolynomialDecay(0.05, decay_steps=3, end_lr=0.01)
        toy.run(root, tmp_path / "out", **with_rate(rate), **given)

    with pytest.raises(Interrupted):
        train(callbacks=[Signal(2)])
    assert len(warned()) == 1
    train(resume_model="auto")
    assert warned() == []
