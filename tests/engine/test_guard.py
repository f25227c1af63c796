"""The guard: what is not finite never reaches the weights, and is accounted for."""

from __future__ import annotations

import json
import math

import numpy as np
import paddle
import pytest

from paddle_ann.checkpoint import CheckpointStore, capture_random
from paddle_ann.engine import (
    Callback,
    Interrupted,
    NonFiniteError,
    TrainOptions,
    black_box,
    finite,
)
from paddle_ann.engine.gradient_norm import GradientNorm
from paddle_ann.engine.guard import MOST_SKIPPED
from paddle_ann.engine.precision import Precision
from paddle_ann.engine.step import Step
from tests.engine import toy
from tests.engine.test_resume import Signal


class BadImage(Callback):
    """Put a nan into an image of the updates `at`, each time or the first time only."""

    def __init__(self, *at: int, once: bool = False) -> None:
        self.at, self.once = set(at), once

    def on_batches(self, run):
        if run.iteration + 1 in self.at:
            run.batches[-1]["img"][0, 1, 2, 3] = math.nan
            self.at -= {run.iteration + 1} if self.once else set()


class BadWeight(Callback):
    def on_step(self, run):
        if run.iteration == 5:
            weight = run.model.cls.weight.numpy()
            weight[7, 3] = math.inf
            run.model.cls.weight.set_value(weight)


class BadGradient(Callback):
    """Multiply one parameter's gradient in update 6."""

    def __init__(self, by: float) -> None:
        self.by = by

    def on_start(self, run):
        run.model.aux.bias.register_hook(lambda g: g * self.by if run.iteration == 5 else g)


class Kept(Callback):
    """Keep the state after every update, and the rates."""

    def __init__(self) -> None:
        self.states, self.rates, self.norms = {}, [], []

    def on_step(self, run):
        self.states[run.iteration] = {k: v.numpy() for k, v in run.model.state_dict().items()}
        self.rates.append((run.iteration, run.learning_rate))
        self.norms.append(run.gradient_norm)


def run(root, out, policy="stop", accumulate=1, **given):
    options = TrainOptions(non_finite=policy, accumulate=accumulate)
    return toy.run(root, out, options=options, **given)


def report(out, name="iter_6"):
    return json.loads((out / f"black_box/{name}.json").read_text())


def weights(folder):
    """The arrays of a checkpoint whose names do not count on with the process."""
    found = {k: v for k, v in toy.arrays(folder).items() if k.startswith("model.pdparams")}
    assert len(found) == 10
    return found


# -- stop -----------------------------------------------------------------------------------------


def test_a_nan_in_an_image_stops_and_is_accounted_for(root, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(NonFiniteError) as caught:
        run(root, out, callbacks=[BadImage(6)])
    found = report(out)
    assert (found["iteration"], found["epoch"], found["policy"]) == (6, 2, "stop")
    assert found["learning_rate"] == pytest.approx(0.05 - 5 / 40 * 0.049)
    assert found["first_non_finite_layer"] == {
        "batch": 0, "layer": "stem.0", "type": "Conv2D",
        "input_finite": False, "weights_finite": True,
    }  # fmt: skip
    (batch,) = found["batches"]
    assert batch["arrays"]["img"]["non_finite"] == 1
    histogram = batch["arrays"]["label"]["histogram"]
    assert set(histogram) <= {"0", "3", "7", "255"} and sum(histogram.values()) == 2 * 31 * 31
    images = [sample["files"][0] for sample in batch["samples"]]
    expected = toy.dataset(root).file_list
    assert images == [expected[sample["index"]][0] for sample in batch["samples"]]
    for text in ("Iteration 6", *images, "stem.0", "black_box/iter_6.json", str(out / "iter_4")):
        assert text in str(caught.value)


def test_the_checkpoint_before_is_whole_and_leads_to_the_clean_end(root, tmp_path):
    out, clean = tmp_path / "out", tmp_path / "clean"
    with pytest.raises(NonFiniteError):
        run(root, out, callbacks=[BadImage(6)])
    newest, lines = CheckpointStore(out).newest_valid()
    assert (newest.iteration, lines) == (4, [])
    run(root, clean)
    toy.assert_same(weights(out / "iter_4"), weights(clean / "iter_4"))
    run(root, out, resume_model="auto", seed=99)
    toy.assert_same(weights(out / "iter_8"), weights(clean / "iter_8"))


def test_an_infinite_weight_names_its_layer(root, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(NonFiniteError, match=r"output: cls\."):
        run(root, out, callbacks=[BadWeight()])
    found = report(out)
    layer = found["first_non_finite_layer"]
    assert (layer["layer"], layer["input_finite"], layer["weights_finite"]) == ("cls", True, False)
    assert found["non_finite_parameters"] == ["cls.weight"]
    assert found["non_finite_statistics"] == []


def test_one_gradient_is_enough(root, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(NonFiniteError, match=r"gradients of 1 parameters .*\(aux\.bias\)"):
        run(root, out, callbacks=[BadGradient(math.nan)])
    found = report(out)
    assert found["gradients"]["non_finite"] == ["aux.bias"]
    assert found["gradients"]["finite"] == 7 and len(found["gradients"]["largest_norms"]) == 7
    assert found["first_non_finite_layer"] is None
    assert all(map(math.isfinite, found["losses"]))


def test_a_sum_of_squares_without_room_is_no_alarm(root, tmp_path):
    kept = Kept()
    run(root, tmp_path / "out", callbacks=[BadGradient(1e25), kept], iters=6)
    assert kept.norms[-1] == math.inf


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_norm_is_that_of_all_gradients(root, tmp_path, accumulate, monkeypatch):
    expected, found, calls = [], [], []
    add = GradientNorm._add
    monkeypatch.setattr(GradientNorm, "_add", lambda self, g: (calls.append(1), add(self, g))[0])

    class Norms(Callback):
        def on_gradients(self, run):
            parts = [p.grad.numpy() for p in run.model.parameters() if p.grad is not None]
            assert len(parts) == 8
            expected.append(math.sqrt(sum((part.astype("float64") ** 2).sum() for part in parts)))
            found.append(run.gradient_norm)
            return True

    made = run(root, tmp_path / "out", accumulate=accumulate, callbacks=[Norms()], iters=3)
    assert found == pytest.approx(expected, rel=1e-5) and len(found) == 3 and min(found) > 0
    large = [p for p in made["model"].parameters() if not p.stop_gradient and p.ndim != 1]
    assert 0 < len(large) < 8
    assert len(calls) == (3 * len(large) if accumulate == 1 else 0)
    calls.clear()
    made["model"].cls.weight.sum().backward()
    assert calls == []  # the hooks are gone


def test_the_report_changes_nothing_and_holds_the_batch(root, tmp_path):
    """Two batches of one update; the second is at fault."""
    out = tmp_path / "out"
    with pytest.raises(NonFiniteError):
        run(root, out, accumulate=2, callbacks=[BadImage(6)])
    found = report(out)
    assert [len(batch["samples"]) for batch in found["batches"]] == [2, 2]
    assert [batch["arrays"]["img"]["non_finite"] for batch in found["batches"]] == [0, 1]
    assert found["first_non_finite_layer"]["batch"] == 1
    batches = black_box.read_batches(out / "black_box/iter_6.npz")
    assert [int(paddle.isnan(batch["img"]).sum()) for batch in batches] == [0, 1]
    assert batches[0]["label"].shape == [2, 31, 31]
    (out / "black_box/iter_6.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match=r"iter_6\.npz is no batch of a black box"):
        black_box.read_batches(out / "black_box/iter_6.npz")


def test_the_batch_again_changes_nothing():
    parts = toy.make()
    step = Step(parts["model"], parts["optimizer"], parts["losses"], Precision())
    images, labels = paddle.randn([2, 3, 7, 11]), paddle.randint(0, 21, [2, 7, 11])
    before = {name: value.numpy() for name, value in parts["model"].state_dict().items()}
    random = capture_random()
    assert finite.rerun(step, [{"img": images, "label": labels}]) is None
    assert str(capture_random()) == str(random)
    toy.assert_same(before, {k: v.numpy() for k, v in parts["model"].state_dict().items()})
    found = finite.rerun(step, [{"img": images}])
    assert "KeyError" in found["error"]


def test_a_compiled_model_names_its_layer_too(root, tmp_path):
    with pytest.raises(NonFiniteError, match=r"output: stem\.0"):
        run(root, tmp_path / "out", callbacks=[BadImage(2)], to_static_training=True)


def test_a_full_disk_does_not_hide_the_error(root, tmp_path, monkeypatch):
    def full(*args, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(black_box.np, "savez", full)
    with pytest.raises(NonFiniteError, match=r"image\d.*could not be written.*No space left"):
        run(root, tmp_path / "out", callbacks=[BadImage(2)])


# -- skip -----------------------------------------------------------------------------------------


def test_skip_leaves_weights_and_statistics_as_they_were(root, tmp_path, capsys):
    kept, out = Kept(), tmp_path / "out"
    result = run(root, out, "skip", callbacks=[BadImage(6), kept])["result"]
    assert result.iteration == 8
    toy.assert_same(kept.states[5], kept.states[6])
    assert all(np.isfinite(value).all() for value in kept.states[8].values())
    assert any((kept.states[7][k] != kept.states[6][k]).any() for k in kept.states[7])
    printed = capsys.readouterr().out
    assert "1 in a row, 1 in all" in printed and "were not finite: 1" in printed
    clean = Kept()
    run(root, tmp_path / "clean", callbacks=[clean])
    assert kept.rates == clean.rates  # the schedule goes on


def test_a_skipped_loss_is_not_in_the_averages(root, tmp_path, capsys):
    run(root, tmp_path / "out", "skip", callbacks=[BadWeightOnce()], log_iters=4)
    lines = [line for line in capsys.readouterr().out.splitlines() if "[TRAIN]" in line]
    assert len(lines) == 2 and "nan" not in "".join(lines)


class BadWeightOnce(Callback):
    """An infinite weight for one update: the loss is not finite, unlike with a nan before relu."""

    def on_batches(self, run):
        if run.iteration == 5:
            self.weight = run.model.cls.weight.clone()
            run.model.cls.weight.set_value(paddle.full_like(self.weight, math.inf))

    def on_step(self, run):
        if run.iteration == 6:
            assert not math.isfinite(run.loss)
            run.model.cls.weight.set_value(self.weight)


def test_skip_ends_after_ten_in_a_row(root, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(NonFiniteError, match=r"Iteration 15 .*10 in a row.*iter_12"):
        run(root, out, "skip", callbacks=[BadImage(2, *range(6, 90))], iters=90, save_interval=4)
    assert len(list((out / "black_box").glob("*.json"))) == MOST_SKIPPED + 1
    assert len(list((out / "black_box").glob("*.pdparams"))) == 1


def test_skips_are_counted_across_a_resume(root, tmp_path):
    out = tmp_path / "out"
    bad = BadImage(*range(3, 90))
    with pytest.raises(Interrupted):
        run(root, out, "skip", callbacks=[bad, Signal(8)], iters=90)
    with pytest.raises(NonFiniteError, match="Iteration 12 .*10 in a row"):
        run(root, out, "skip", callbacks=[bad], iters=90, resume_model="auto")


# -- rollback -------------------------------------------------------------------------------------


def model_and_optimizer(kind):
    lr = paddle.optimizer.lr
    polynomial = lr.PolynomialDecay(0.05, decay_steps=8, end_lr=0.001)
    rate = {
        "constant": 0.03,
        "polynomial": polynomial,
        "warmup": lr.LinearWarmup(polynomial, warmup_steps=3, start_lr=0.0, end_lr=0.05),
        "cosine": lr.CosineAnnealingDecay(0.05, T_max=11),  # computes from its last rate
        "plateau": lr.ReduceOnPlateau(0.05, patience=1),
    }[kind]
    paddle.seed(3)
    model = toy.Small()
    return {
        "model": model,
        "optimizer": paddle.optimizer.Momentum(
            rate, parameters=model.parameters(), weight_decay=1e-3
        ),
    }


@pytest.mark.parametrize("kind", ["constant", "polynomial", "warmup", "cosine", "plateau"])
def test_rollback_goes_back_and_halves_the_rate(root, tmp_path, kind):
    def train(out, **given):
        return run(root, out, "rollback", **model_and_optimizer(kind), **given)

    plain, kept = Kept(), Kept()
    train(tmp_path / "plain", callbacks=[plain])
    found = train(tmp_path / "out", callbacks=[BadImage(6, once=True), kept])
    assert [i for i, _ in kept.rates] == [1, 2, 3, 4, 5, 5, 6, 7, 8]
    if kind != "plateau":  # which follows the losses
        assert kept.rates[:5] == plain.rates[:5]
        assert kept.rates[5:] == [(i, rate / 2) for i, rate in plain.rates[4:]]
    toy.assert_same(kept.states[4], plain.states[4])
    assert all(np.isfinite(value).all() for value in kept.states[8].values())
    assert found["result"].iteration == 8
    assert found["optimizer"].get_lr() == pytest.approx(  # the user's optimizer is given back
        train(tmp_path / "again")["optimizer"].get_lr(), rel=0.5 if kind == "plateau" else 1e-12
    )


@pytest.mark.parametrize("kind", ["constant", "warmup"])
@pytest.mark.parametrize("at", [6, 8, 10])
def test_a_resume_after_a_rollback_is_exact(root, tmp_path, kind, at):
    def train(out, bad, **given):
        given = {"iters": 11, "save_interval": 4, **model_and_optimizer(kind), **given}
        return run(root, out, "rollback", callbacks=bad, **given)

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, [BadImage(7, once=True)])
    with pytest.raises(Interrupted):
        train(parts, [BadImage(7, once=True), SignalAfterRollback(at)])
    train(parts, [], resume_model="auto", seed=99)
    toy.assert_same(weights(whole / "iter_11"), weights(parts / "iter_11"))


class SignalAfterRollback(Signal):
    """Send the signal only once the training went back: its iterations are seen a second time."""

    def on_step(self, run):
        self.seen = getattr(self, "seen", [])
        self.seen.append(run.iteration)
        if run.iteration == self.at and self.seen.count(5) == 2:
            super().on_step(run)


def test_rollback_ends_after_three_times_and_writes_over_no_report(root, tmp_path):
    out, kept = tmp_path / "out", Kept()
    with pytest.raises(NonFiniteError, match=r"went back 3 times.*0\.125 of the configuration's"):
        run(root, out, "rollback", callbacks=[BadImage(6), kept])
    names = ["iter_6", "iter_6_2", "iter_6_3", "iter_6_4"]
    rates = [report(out, name)["learning_rate"] for name in names]
    assert rates == [rates[0] / 2**i for i in range(4)]
    assert sorted(path.stem for path in (out / "black_box").glob("*.json")) == names


def test_rollback_without_a_checkpoint_stops(root, tmp_path):
    with pytest.raises(NonFiniteError, match="no checkpoint to go back to yet"):
        run(root, tmp_path / "out", "rollback", callbacks=[BadImage(3)])


def test_rollback_passes_over_a_damaged_checkpoint(root, tmp_path, capsys):
    out = tmp_path / "out"

    class Damage(Callback):
        def on_save(self, run, folder):
            if run.iteration == 4:
                (folder / "model.pdparams").write_bytes(b"x")

    bad = [Damage(), BadImage(6, once=True)]
    assert run(root, out, "rollback", save_interval=2, callbacks=bad)["result"].iteration == 8
    printed = capsys.readouterr().out
    assert "iter_4 is passed over" in printed and f"Back to {out / 'iter_2'}" in printed
