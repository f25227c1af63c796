"""States of a wrong kind, in files that are vouched for: named before anything is trained."""

from __future__ import annotations

import json
import math
import re
from types import SimpleNamespace

import pytest

from paddle_ann.checkpoint.fields import DamagedField
from paddle_ann.checkpoint.manifest import write_manifest
from paddle_ann.engine import Callback
from paddle_ann.engine.callback import Callbacks
from paddle_ann.engine.early_stop import EarlyStop
from paddle_ann.engine.guard import Guard
from paddle_ann.engine.learning_rate import LearningRate
from paddle_ann.engine.progress import Progress
from paddle_ann.engine.symptoms import Symptoms
from tests.engine import toy

WRONG = ["3", None, -2, {"a": "b"}, ["x", 1], True, {"$": -3.5}]


def guard():
    rate = LearningRate(SimpleNamespace(_learning_rate=0.5, get_lr=lambda: 0.5))
    return Guard("stop", SimpleNamespace(step=SimpleNamespace(rate=rate)), None)


PARTS = {
    "EarlyStop": lambda: EarlyStop(3),
    "Guard": guard,
    "Progress": Progress,
    "Symptoms": lambda: Symptoms(None),
}
FIELDS = [(part, name) for part, make in PARTS.items() for name in make().state_dict()]


def rightly(part, name, value) -> bool:
    """Tell whether a wrong value happens to be right."""
    return (part, name, value) == ("EarlyStop", "best", -2) or (
        (part, name, value) == ("Progress", "total", -2)
    )


@pytest.mark.parametrize(("part", "name"), FIELDS)
def test_a_field_of_another_kind(part, name):
    tried = 0
    for value in WRONG:
        if rightly(part, name, value):
            continue
        one = PARTS[part]()
        before = one.state_dict()
        with pytest.raises(DamagedField) as caught:
            one.load_state_dict({**before, name: value})
        assert f"the field {name} is {value!r}; it must be " in str(caught.value)
        assert one.state_dict() == before  # nothing is taken of what is damaged
        tried += 1
    assert tried >= 6


@pytest.mark.parametrize(("part", "name"), FIELDS)
def test_a_field_that_is_missing(part, name):
    one = PARTS[part]()
    state = one.state_dict()
    del state[name]
    with pytest.raises(DamagedField, match=f"the field {name} is missing; it must be"):
        one.load_state_dict(state)


@pytest.mark.parametrize("part", PARTS)
def test_a_state_that_is_right(part):
    one = PARTS[part]()
    state = one.state_dict()
    one.load_state_dict({**json.loads(json.dumps(state)), "of a later version": 5})
    assert one.state_dict() == state


@pytest.mark.parametrize("factor", [0.0, math.nan, math.inf, 0.3, 2.0, -0.5, 1])
def test_a_factor_that_no_rollback_sets(factor):
    one = guard()
    with pytest.raises(DamagedField, match="the field factor is .* power of two"):
        one.load_state_dict({**one.state_dict(), "factor": factor})


class Mine(Callback):
    """A callback of the user's, which checks nothing."""

    def load_state_dict(self, state):
        self.sum = state["count"] + 1


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"Mine.0": {"count": "x"}}, r"Mine\.0 cannot be taken: TypeError"),
        ({"Mine.0": {}}, r"Mine\.0 cannot be taken: KeyError: 'count'"),
        ({"Mine.0": {"count": 1}, "EarlyStop.0": 7}, r"EarlyStop\.0 is 7; it must be a dictionary"),
    ],
)
def test_the_callback_is_named(state, text):
    with pytest.raises(DamagedField, match=f"the field {text}"):
        Callbacks([Mine(), EarlyStop(3)]).load_state_dict(state)


def edit(out, file, place, value):
    """Put a value into a file of the last checkpoint, and vouch for it."""
    path = out / "iter_4" / file
    content = json.loads(path.read_text())
    inner = content["state"]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(content))
    (out / "iter_4/manifest.json").unlink()
    write_manifest(out / "iter_4", 4)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["seed"], "3"),
        (["world"], None),
        (["evaluation_due"], "no"),
        (["best"], {"model": 3}),
        (["best"], {"model": [7.5, 4]}),
        (["random"], {}),
        (["random"], []),
        (["random", 0, "numpy", "position"], "far"),
        (["fingerprint"], [1]),
        (["parts"], 0),
        (["parts", "callbacks"], []),
        (["parts", "callbacks", "Symptoms.0", "losses"], ["high"]),
        (["parts", "progress", "total"], {}),
    ],
)
def test_a_state_file_of_wrong_kinds(root, tmp_path, place, value):
    out, val = tmp_path / "out", toy.dataset(root, "val")
    toy.run(root, out, iters=4, save_interval=2, val_dataset=val)
    edit(out, "training_state.json", place, value)
    with pytest.raises(ValueError) as caught:
        toy.run(root, out, resume_model="auto", val_dataset=val)
    text = str(caught.value)
    in_list = place[0] == "random" and value != {}
    field = "random[0]" if in_list else ".".join(place)
    assert f"{out / 'iter_4/training_state.json'} is damaged, or of another version" in text
    assert re.search(rf"the field {re.escape(field)} (is|has|cannot be taken)", text), text
    assert f"Take the one before: resume_model='{out / 'iter_2'}'" in text
    done = toy.run(root, out, resume_model=out / "iter_2", val_dataset=val, iters=3)
    assert done["result"].iteration == 3


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["best"], {"model": 3}),
        (["parts"], []),
        (["parts", "callbacks", "EarlyStop.0", "waited"], "long"),
        (["parts", "progress", "steps"], 1.5),
    ],
)
def test_a_note_on_an_evaluation_of_wrong_kinds(root, tmp_path, place, value):
    from paddle_ann.engine import TrainOptions

    out, val, patient = tmp_path / "out", toy.dataset(root, "val"), TrainOptions(patience=5)
    toy.run(root, out, iters=4, save_interval=2, val_dataset=val, options=patient)
    edit(out, "evaluation.json", place, value)
    with pytest.raises(ValueError) as caught:
        toy.run(root, out, resume_model="auto", val_dataset=val, options=patient)
    assert f"the field {'.'.join(place)} is {value!r}; it must be" in str(caught.value)
    assert "evaluation.json is damaged" in str(caught.value)
    assert "Remove this file" in str(caught.value)
    (out / "iter_4/evaluation.json").unlink()
    done = toy.run(root, out, resume_model="auto", val_dataset=val, options=patient, iters=5)
    assert done["result"].iteration == 5
