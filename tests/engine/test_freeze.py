"""Frozen is frozen: to the last bit, weight decay and batch-norm statistics included."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_ann.engine import Interrupted, TrainOptions
from tests.engine import toy
from tests.engine.test_guard import Kept
from tests.engine.test_resume import Signal


def split(before, after):
    """Return the names of the tensors that stayed as they were, and of those that changed."""
    same = {name for name in before if np.array_equal(before[name], after[name])}
    return same, set(before) - same


STEM = {f"stem.{n}" for n in ("0.weight", "0.bias", "1.weight", "1.bias", "1._mean", "1._variance")}


def optimizer(kind, model):
    if kind == "groups":
        groups = [
            {"params": model.stem.parameters(), "learning_rate": 3.0, "weight_decay": 0.1},
            {"params": [*model.cls.parameters(), *model.aux.parameters()]},
        ]
        return paddle.optimizer.AdamW(0.05, parameters=groups, weight_decay=0.1)
    return getattr(paddle.optimizer, kind)(0.05, parameters=model.parameters(), weight_decay=0.1)


@pytest.mark.parametrize("kind", ["AdamW", "Momentum", "SGD", "groups"])
def test_frozen_layers_stay_to_the_last_bit(root, tmp_path, kind):
    model, kept = toy.Small(), Kept()
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    toy.run(
        root, tmp_path / "out", model=model, optimizer=optimizer(kind, model), callbacks=[kept],
        options=TrainOptions(freeze=["stem"]), val_dataset=toy.dataset(root, "val"),
    )  # fmt: skip
    same, changed = split(before, kept.states[8])  # also after the evaluation's model.train()
    assert same == STEM
    assert changed == {"cls.weight", "cls.bias", "aux.weight", "aux.bias"}
    assert all(not p.stop_gradient for p in (model.stem[0].weight, model.stem[1].bias))


def test_without_freeze_everything_moves(root, tmp_path):
    model = toy.Small()
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    toy.run(root, tmp_path / "out", model=model)
    same, _ = split(before, {name: value.numpy() for name, value in model.state_dict().items()})
    assert same == set()


def test_a_frozen_part_and_its_resume_are_exact(root, tmp_path):
    """A name within a name; stopped in between."""
    options = TrainOptions(freeze=["stem.1", "aux"])
    given = {"iters": 7, "save_interval": 3, "options": options, "use_ema": True}
    whole, parts = Kept(), Kept()
    toy.run(root, tmp_path / "whole", callbacks=[whole], **given)
    with pytest.raises(Interrupted):
        toy.run(root, tmp_path / "out", callbacks=[Signal(4)], **given)
    toy.run(root, tmp_path / "out", callbacks=[parts], resume_model="auto", seed=99, **given)
    toy.assert_same(whole.states[7], parts.states[7])
    same, _ = split(whole.states[1], parts.states[7])
    assert same == {n for n in whole.states[1] if n.startswith(("stem.1", "aux"))}


def test_another_choice_is_another_configuration(root, tmp_path):
    out = tmp_path / "out"
    toy.run(root, out, iters=3)
    options = TrainOptions(freeze=["stem"])
    with pytest.raises(ValueError, match=r"freeze: \[\] then, \['stem'\] now"):
        toy.run(root, out, resume_model="auto", options=options)
    forced, kept = TrainOptions(freeze=["stem"], force_resume=True), Kept()
    saved = toy.arrays(out / "iter_3")
    found = toy.run(root, out, resume_model="auto", options=forced, callbacks=[kept])
    assert found["result"].iteration == 8
    for name in STEM:
        assert np.array_equal(saved[f"model.pdparams:{name}"], kept.states[8][name]), name


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["sten"], r"Small has no sublayer 'sten'; did you mean .*'stem'"),
        (["stem", "head.conv"], "no sublayer 'head.conv'"),
        (["stem", "cls", "aux"], "no parameter is left to train"),
    ],
)
def test_refused(root, tmp_path, names, message):
    model = toy.Small()
    with pytest.raises(ValueError, match=message):
        toy.run(root, tmp_path / "out", model=model, options=TrainOptions(freeze=names))
    assert not list(tmp_path.glob("out/*"))
    assert not model.cls.weight.stop_gradient
