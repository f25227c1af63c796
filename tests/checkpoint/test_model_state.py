"""Model, optimizer and the rest: an interrupted training goes on to the last bit, or is refused."""

from __future__ import annotations

import json
import os
import pickle
import re

import numpy as np
import paddle
import pytest

from paddle_ann.checkpoint import load_model, save_model
from paddle_ann.checkpoint.optimizer_state import _create_accumulators, capture_optimizer

lr = paddle.optimizer.lr
opt = paddle.optimizer


class Net(paddle.nn.Layer):
    """A path that trains, one that never gets a gradient, and a frozen one."""

    def __init__(self, width=5):
        super().__init__()
        self.first = paddle.nn.Linear(3, width)
        self.norm = paddle.nn.BatchNorm1D(width)
        self.last = paddle.nn.Linear(width, 1)
        self.unused = paddle.nn.Linear(2, 2)
        self.frozen = paddle.nn.Linear(3, width)
        for parameter in self.frozen.parameters():
            parameter.stop_gradient = True

    def forward(self, x):
        return self.last(self.norm(self.first(x) + self.frozen(x)))


OPTIMIZERS = {
    "SGD": lambda rate, p: opt.SGD(rate, parameters=p),
    "Momentum": lambda rate, p: opt.Momentum(rate, parameters=p, weight_decay=0.01),
    "Adam": lambda rate, p: opt.Adam(rate, parameters=p),
    "AdamW": lambda rate, p: opt.AdamW(rate, parameters=p, weight_decay=0.01),
    "RMSProp": lambda rate, p: opt.RMSProp(rate, momentum=0.9, centered=True, parameters=p),
    "Adagrad": lambda rate, p: opt.Adagrad(rate, parameters=p),
    "Adamax": lambda rate, p: opt.Adamax(rate, parameters=p),
    "Lamb": lambda rate, p: opt.Lamb(rate, parameters=p),
    "named": lambda rate, p: opt.Momentum(rate, parameters=p, name="mine"),
    "clipped": lambda rate, p: opt.AdamW(
        rate, parameters=p, grad_clip=paddle.nn.ClipGradByGlobalNorm(0.1)
    ),
    "groups": lambda rate, p: opt.AdamW(
        rate,
        parameters=[{"params": p[:2], "learning_rate": 0.5}, {"params": p[2:], "beta1": 0.5}],
    ),
}
SCHEDULES = {
    "constant": lambda: 0.05,
    "poly": lambda: lr.PolynomialDecay(0.1, 11, end_lr=0.001, power=0.9),
    "cosine": lambda: lr.CosineAnnealingDecay(0.1, 5),
    "step": lambda: lr.StepDecay(0.1, 2),
    "multistep": lambda: lr.MultiStepDecay(0.1, [2, 5]),
    "piecewise": lambda: lr.PiecewiseDecay([2, 5], [0.1, 0.05, 0.01]),
    "exponential": lambda: lr.ExponentialDecay(0.1, 0.9),
    "multiplicative": lambda: lr.MultiplicativeDecay(0.1, lambda epoch: 0.9),
    "lambda": lambda: lr.LambdaDecay(0.1, lambda epoch: 0.9**epoch),
    "plateau": lambda: lr.ReduceOnPlateau(0.1, patience=1, cooldown=1, factor=0.7),
    "onecycle": lambda: lr.OneCycleLR(0.1, 13),
    "cyclic": lambda: lr.CyclicLR(0.01, 0.1, 3, 2),
    "warmup": lambda: lr.LinearWarmup(0.1, 5, 0.0, 0.1),
    "warmup poly": lambda: lr.LinearWarmup(lr.PolynomialDecay(0.1, 9), 5, 0.0, 0.1),
    "warmup cosine": lambda: lr.LinearWarmup(lr.CosineAnnealingDecay(0.1, 3), 2, 0.0, 0.1),
    "warmup warmup": lambda: lr.LinearWarmup(
        lr.LinearWarmup(lr.PolynomialDecay(0.1, 9), 3, 0.0, 0.1), 4, 0.0, 0.1
    ),
}


class Training:
    """A model with optimizer and schedule, and steps on data that the step's number gives."""

    def __init__(self, optimizer="Momentum", schedule="poly", width=5):
        self.net = Net(width)
        self.schedule = SCHEDULES[schedule]()
        self.optimizer = OPTIMIZERS[optimizer](self.schedule, self.net.parameters())
        self.rates = []

    def steps(self, first, last):
        for number in range(first, last):
            data = np.random.default_rng(number).standard_normal((7, 3)).astype("float32")
            loss = (self.net(paddle.to_tensor(data)) ** 2).mean()
            loss.backward()
            self.optimizer.step()
            self.optimizer.clear_grad()
            if isinstance(self.schedule, lr.ReduceOnPlateau):
                self.schedule.step(loss)
            elif isinstance(self.schedule, lr.LRScheduler):
                self.schedule.step()
            self.rates.append(self.optimizer.get_lr())
        return self

    def bits(self):
        """What carries over to the next step, by names that do not depend on counters."""
        structured = {p.name: key for key, p in self.net.state_dict().items()}
        pattern = "|".join(map(re.escape, sorted(structured, key=len, reverse=True)))
        state = capture_optimizer(self.optimizer)
        schedule = state.pop("LR_Scheduler", None)
        moments = {
            re.sub(pattern, lambda match: structured[match[0]], key): value
            for key, value in state.items()
        }
        values = {**self.net.state_dict(), **moments}
        return {key: value.numpy().tobytes() for key, value in values.items()}, schedule


CASES = sorted({(name, "poly") for name in OPTIMIZERS} | {("Momentum", name) for name in SCHEDULES})


@pytest.mark.parametrize("optimizer, schedule", CASES)
def test_the_interrupted_equals_the_uninterrupted(tmp_path, optimizer, schedule):
    """Stopped at the start, after a step, and around the changes of the schedule."""
    stops = (0, 1, 4, 5, 6)
    whole = Training(optimizer, schedule)
    for stop in stops:
        whole.steps(len(whole.rates), stop)
        (tmp_path / str(stop)).mkdir()
        save_model(tmp_path / str(stop), whole.net, whole.optimizer)
    whole.steps(6, 9)
    for stop in stops:
        resumed = Training(optimizer, schedule)
        assert load_model(tmp_path / str(stop), resumed.net, resumed.optimizer) == []
        resumed.steps(stop, 9)
        assert resumed.rates == whole.rates[stop:]
        assert resumed.bits() == whole.bits()


def test_rolling_back_with_the_same_objects(tmp_path):
    training = Training("AdamW", "warmup poly").steps(0, 3)
    save_model(tmp_path, training.net, training.optimizer)
    training.steps(3, 9)
    expected, rates = training.bits(), training.rates[3:]
    training.rates = []
    load_model(tmp_path, training.net, training.optimizer)
    training.steps(3, 9)
    assert training.bits() == expected and training.rates == rates


def test_rolling_back_before_the_first_step(tmp_path):
    """State that came after the checkpoint goes: moments start at zero again."""
    training = Training("Adam")
    save_model(tmp_path, training.net, training.optimizer)
    training.steps(0, 5)
    expected = training.bits()
    load_model(tmp_path, training.net, training.optimizer)
    training.steps(0, 5)
    assert training.bits() == expected


def test_a_new_optimizer_over_the_same_model(tmp_path):
    """A notebook: Paddle names its accumulators ..._1 then, and the file's are ..._0."""
    training = Training("Adam").steps(0, 3)
    save_model(tmp_path, training.net, training.optimizer)
    training.steps(3, 6)
    expected = training.bits()
    training.optimizer = OPTIMIZERS["Adam"](SCHEDULES["poly"](), training.net.parameters())
    training.schedule = training.optimizer._learning_rate
    load_model(tmp_path, training.net, training.optimizer)
    training.steps(3, 6)
    assert training.bits() == expected


def test_what_an_earlier_resume_left_behind_is_forgotten(tmp_path):
    """`set_state_dict` keeps a state for the first step; it must not mix with this one."""
    training = Training("Adam").steps(0, 3)
    left = training.optimizer.state_dict()
    save_model(tmp_path, training.net, training.optimizer)
    resumed = Training("Adam")
    resumed.optimizer.set_state_dict(left)
    load_model(tmp_path, resumed.net, resumed.optimizer)
    assert resumed.steps(3, 6).bits() == training.steps(3, 6).bits()


def test_a_parameter_that_joins_later(tmp_path):
    """Unfrozen after the checkpoint: it starts without moments, as in an uninterrupted training."""
    training = Training("Momentum").steps(0, 3)
    save_model(tmp_path, training.net, training.optimizer)
    resumed = Training("Momentum")
    load_model(tmp_path, resumed.net, resumed.optimizer)
    for one in (training, resumed):
        for parameter in one.net.frozen.parameters():
            parameter.stop_gradient = False
        one.steps(3, 6)
    assert training.bits() == resumed.bits()


def test_paddle_alone_can_go_on_from_it(tmp_path):
    """As PaddleSeg's resume does, in a new process: its names count from 0, whatever ours did."""
    with paddle.utils.unique_name.guard():
        training = Training("Momentum").steps(0, 3)
        again = OPTIMIZERS["Momentum"](SCHEDULES["poly"](), training.net.parameters())
        training.optimizer, training.schedule = again, again._learning_rate
        training.steps(0, 3)  # this optimizer's accumulators are named ..._1
    assert any(key.endswith("_velocity_1") for key in training.optimizer.state_dict())
    save_model(tmp_path, training.net, training.optimizer)
    with paddle.utils.unique_name.guard():
        resumed = Training("Momentum")
        resumed.net.set_state_dict(paddle.load(str(tmp_path / "model.pdparams")))
        resumed.optimizer.set_state_dict(paddle.load(str(tmp_path / "model.pdopt")))
        resumed.steps(3, 6)
    assert resumed.bits() == training.steps(3, 6).bits()


def test_paddleseg_wrote_it(tmp_path):
    """No optimizer.json: every trainable parameter must have its state."""
    training = Training().steps(0, 3)
    paddle.save(training.net.state_dict(), str(tmp_path / "model.pdparams"))
    paddle.save(training.optimizer.state_dict(), str(tmp_path / "model.pdopt"))
    resumed = Training()
    with pytest.raises(ValueError, match=r"2 entries differ:\n.*velocity_0: missing in the file"):
        load_model(tmp_path, resumed.net, resumed.optimizer)
    for one in (training, resumed):
        for parameter in one.net.unused.parameters():
            parameter.stop_gradient = True
    load_model(tmp_path, resumed.net, resumed.optimizer)
    assert resumed.steps(3, 6).bits() == training.steps(3, 6).bits()


@pytest.mark.parametrize("kind", [opt.AdamW, opt.Momentum])
def test_master_weights_of_half_precision(tmp_path, kind):
    """Full-precision copies and their moments; a CPU has no such step, so they are filled here."""

    def make():
        net = paddle.nn.Linear(3, 5)
        net.to(dtype="float16")
        optimizer = kind(0.1, parameters=net.parameters(), multi_precision=True)
        return net, optimizer

    net, optimizer = make()
    _create_accumulators(optimizer, list(net.parameters()))
    moments = [tensor for kind in optimizer._accumulators.values() for tensor in kind.values()]
    for number, tensor in enumerate([*moments, *optimizer._master_weights.values()]):
        tensor.set_value(paddle.full(tensor.shape, number + 1 / 3, tensor.dtype))
    save_model(tmp_path, net, optimizer)
    found_net, found = make()
    assert load_model(tmp_path, found_net, found) == []
    now = [tensor for kind in found._accumulators.values() for tensor in kind.values()]
    masters = zip(optimizer._master_weights.values(), found._master_weights.values())
    for a, b in [*zip(moments, now), *masters]:
        assert a.numpy().tobytes() == b.numpy().tobytes()
    assert len(now) == len(moments) and len(found._master_weights) == 2


# -- what is refused ------------------------------------------------------------------------------


def refuse(folder, resumed, match):
    before = {key: value.numpy() for key, value in resumed.net.state_dict().items()}
    with pytest.raises(ValueError, match=match):
        load_model(folder, resumed.net, resumed.optimizer)
    for key, value in resumed.net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])


def test_another_model(tmp_path):
    training = Training().steps(0, 2)
    save_model(tmp_path, training.net, training.optimizer)
    refuse(tmp_path, Training(width=7), r"first\.weight +\[3, 5\] +\[3, 7\] ")


@pytest.mark.parametrize("kind", ["float16", "float64"])
def test_weights_of_another_precision_change_nothing(tmp_path, kind):
    model = paddle.nn.Sequential(paddle.nn.Linear(3, 5), paddle.nn.Linear(5, 7))
    save_model(tmp_path, model)
    state = paddle.load(str(tmp_path / "model.pdparams"), return_numpy=True)
    state["0.weight"] += 1
    state["1.bias"] = state["1.bias"].astype(kind)
    paddle.save(state, str(tmp_path / "model.pdparams"))
    before = model[0].weight.numpy()
    with pytest.raises(ValueError, match=f"1.bias is {kind} there and float32 in the model"):
        load_model(tmp_path, model)
    assert (model[0].weight.numpy() == before).all()


def test_another_optimizer(tmp_path):
    training = Training("Momentum").steps(0, 2)
    save_model(tmp_path, training.net, training.optimizer)
    refuse(tmp_path, Training("AdamW"), "is the state of Momentum, the optimizer here is AdamW")
    (tmp_path / "optimizer.json").unlink()
    refuse(tmp_path, Training("AdamW"), r"velocity_0: not of this optimizer")


@pytest.mark.parametrize(
    "then, now", [("poly", "warmup poly"), ("poly", "constant"), ("constant", "poly")]
)
def test_another_schedule(tmp_path, then, now):
    training = Training(schedule=then).steps(0, 2)
    save_model(tmp_path, training.net, training.optimizer)
    refuse(tmp_path, Training(schedule=now), "learning rate schedule: .* in the file, ")


def change(folder, edit):
    path = str(folder / "model.pdopt")
    state = paddle.load(path)
    edit(state, next(key for key in sorted(state) if "velocity" in key and "w_0" in key))
    paddle.save(state, path)


EDITS = {
    "missing in the file": lambda state, key: state.pop(key),
    "not of this optimizer": lambda state, key: state.update({key + "_more_0": state[key]}),
    r"\[1\] float32 in the file": lambda state, key: state.update({key: paddle.zeros([1])}),
    "float64 in the file": lambda state, key: state.update({key: state[key].astype("float64")}),
    "master weight": lambda state, key: state.update({"master_weights": {key: state[key]}}),
    "master_weights: a list": lambda state, key: state.update({"master_weights": [1]}),
    "a str in the file": lambda state, key: state.update({key: "text"}),
    r"last_lr a str": lambda state, key: state["LR_Scheduler"].update(last_lr="text"),
}


@pytest.mark.parametrize("match", EDITS)
def test_one_accumulator_that_is_not_right(tmp_path, match):
    training = Training().steps(0, 2)
    save_model(tmp_path, training.net, training.optimizer)
    change(tmp_path, EDITS[match])
    refuse(tmp_path, Training(), rf"1 entries differ:\n.*{match}")


@pytest.mark.parametrize("file", ["model.pdparams", "model.pdopt"])
def test_missing_files(tmp_path, file):
    training = Training().steps(0, 2)
    save_model(tmp_path, training.net, training.optimizer)
    (tmp_path / file).unlink()
    with pytest.raises(FileNotFoundError, match=f"Cannot resume: .*{file} does not exist"):
        load_model(tmp_path, training.net, training.optimizer)


@pytest.mark.parametrize("noted", [3, [{"a": 1}], "name"])
def test_notes_that_are_none(tmp_path, noted):
    training = Training().steps(0, 2)
    save_model(tmp_path, training.net, training.optimizer)
    notes = json.loads((tmp_path / "optimizer.json").read_text())
    notes["state"]["parameters_with_state"] = noted
    (tmp_path / "optimizer.json").write_text(json.dumps(notes))
    with pytest.raises(ValueError, match="optimizer.json is damaged: parameters_with_state"):
        load_model(tmp_path, training.net, training.optimizer)


def test_code_in_a_file(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    training = Training().steps(0, 2)
    save_model(tmp_path, training.net, training.optimizer)
    (tmp_path / "model.pdopt").write_bytes(pickle.dumps({"x": Trap()}))
    refuse(tmp_path, training, "mkdir")
    assert not (tmp_path / "ran").exists()


def test_no_optimizer_at_all(tmp_path):
    training = Training()
    with pytest.raises(TypeError, match="optimizer is a dict; it must be a paddle.optimizer"):
        save_model(tmp_path, training.net, {})


# -- moving average and loss scaler ---------------------------------------------------------------


def test_the_moving_average(tmp_path):
    training, average = Training().steps(0, 2), Net()
    save_model(tmp_path, training.net, training.optimizer, ema=average)
    assert (tmp_path / "ema_model.pdparams").exists()  # PaddleSeg's name
    found, resumed = Net(), Training()
    assert load_model(tmp_path, resumed.net, resumed.optimizer, ema=found) == []
    np.testing.assert_array_equal(found.first.weight.numpy(), average.first.weight.numpy())
    (tmp_path / "ema_model.pdparams").unlink()
    lines = load_model(tmp_path, resumed.net, resumed.optimizer, ema=found)
    assert len(lines) == 1 and "starts from the weights" in lines[0]
    np.testing.assert_array_equal(found.first.weight.numpy(), training.net.first.weight.numpy())


class Scaler:
    """The part of `paddle.amp.GradScaler` that is used; Paddle disables its own on a CPU."""

    def __init__(self, scale, enabled=True):
        self.state, self.enabled = {"scale": np.array([scale], "float32"), "incr_count": 7}, enabled

    def is_enable(self):
        return self.enabled

    def state_dict(self):
        return self.state if self.enabled else {}

    def load_state_dict(self, state):
        self.state = state


def test_the_loss_scaler(tmp_path):
    training, scaler = Training().steps(0, 2), Scaler(0.1)
    save_model(tmp_path, training.net, training.optimizer, scaler=scaler)
    found = Scaler(1024.0)
    assert load_model(tmp_path, training.net, training.optimizer, scaler=found) == []
    assert found.state["scale"].tobytes() == scaler.state["scale"].tobytes()
    assert found.state["incr_count"] == 7
    for other in (None, Scaler(1.0, enabled=False)):
        lines = load_model(tmp_path, training.net, training.optimizer, scaler=other)
        assert len(lines) == 1 and "is not used here" in lines[0]
        save_model(tmp_path, training.net, training.optimizer, scaler=other)
        found = Scaler(1024.0)
        lines = load_model(tmp_path, training.net, training.optimizer, scaler=found)
        assert len(lines) == 1 and "starts anew" in lines[0]
        assert found.state["scale"] == 1024.0
        save_model(tmp_path, training.net, training.optimizer, scaler=scaler)


def test_a_scaler_that_refuses_its_state(tmp_path):
    training, scaler = Training().steps(0, 2), Scaler(0.1)
    save_model(tmp_path, training.net, training.optimizer, scaler=scaler)
    scaler.load_state_dict = lambda state: state["nothing"]
    with pytest.raises(ValueError, match="optimizer.json is damaged: .* no state of a loss scaler"):
        load_model(tmp_path, training.net, training.optimizer, scaler=scaler)


def test_paddles_own_scaler_is_switched_off_on_a_cpu(tmp_path):
    training = Training().steps(0, 2)
    with pytest.warns(UserWarning, match="can only be enabled"):
        scaler = paddle.amp.GradScaler(init_loss_scaling=1024)
    save_model(tmp_path, training.net, training.optimizer, scaler=scaler)
    assert json.loads((tmp_path / "optimizer.json").read_text())["state"]["scaler"] == {}
    assert load_model(tmp_path, training.net, training.optimizer, scaler=scaler) == []
