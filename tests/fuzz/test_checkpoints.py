"""Checkpoints with anything in them: loaded whole, passed over, or refused; and no code runs."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections import OrderedDict
from pathlib import Path

import numpy as np
import paddle
import pytest
from hypothesis import strategies as st

from paddle_ann import session
from paddle_ann.checkpoint import CheckpointStore, load_model, load_state_file
from paddle_ann.checkpoint.manifest import MANIFEST, write_manifest
from paddle_ann.engine import TrainOptions
from paddle_ann.weights import load_state
from tests.engine import toy
from tests.fuzz.mutations import JUNK, mutated, spoilt_bytes
from tests.fuzz.outcome import attempt
from tests.fuzz.profiles import fuzz

WEIGHTS, OPTIMIZER, NOTES = "model.pdparams", "model.pdopt", "optimizer.json"
STATE, EVALUATION = "training_state.json", "evaluation.json"
FILES = (WEIGHTS, OPTIMIZER, NOTES, STATE, MANIFEST, EVALUATION)
RAN = Path(__file__).with_name("code_ran")  # must never come to be


class Trap:
    """Unpickled without care, it makes a file."""

    def __init__(self, function, *args) -> None:
        self.called = function, args

    def __reduce__(self):
        return self.called


TRAPS = (
    Trap(os.mknod, str(RAN)),
    Trap(eval, f"open({str(RAN)!r}, 'w')"),
    Trap(getattr, "os", "system"),
    Trap(np.load, str(RAN), "r", True),
    Trap(paddle.save, {}, str(RAN)),
    Trap(OrderedDict, [("a", 1)]),
    Trap(np.dtype, "O"),
    Trap(np.ndarray, (1 << 40,)),
    Trap(np.ndarray, (-1,)),
    Trap(np.ndarray, (2,), "O"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in `voc`, and checkpoints of the iterations 1 and 2 in `out`."""
    root = tmp_path_factory.mktemp("trained")
    validation = toy.dataset(root / "voc", "val")
    toy.run(root / "voc", root / "out", iters=2, save_interval=1, val_dataset=validation)
    return root


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    return tmp_path / "out"


def fresh(trained: Path, folder: Path) -> Path:
    """A copy of the newest checkpoint to spoil, with the older one beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(trained / "out", folder)
    return folder / "iter_2"


def spoil(checkpoint: Path, name: str, content: bytes, sign: bool) -> None:
    """Replaces a file; `sign` makes the manifest vouch for it, as an attacker would."""
    (checkpoint / name).unlink()
    (checkpoint / name).write_bytes(content)
    if name != MANIFEST:
        (checkpoint / MANIFEST).unlink()
        if sign:
            evaluation = checkpoint / EVALUATION
            kept = evaluation.read_bytes()
            evaluation.unlink()
            write_manifest(checkpoint, 2)
            evaluation.write_bytes(kept)


def load_it(checkpoint: Path) -> None:
    """All ways to read weights that a user can come to."""
    parts = toy.make()
    before = {name: value.numpy() for name, value in parts["model"].state_dict().items()}
    attempt("weights: path", lambda: session.weights_path(str(checkpoint)))
    attempt("weights: state", lambda: load_state(checkpoint / WEIGHTS))
    given = checkpoint, parts["model"], parts["optimizer"]
    found = attempt("weights: model", lambda: load_model(*given))
    if isinstance(found, Exception):  # all or nothing
        for name, value in parts["model"].state_dict().items():
            assert np.array_equal(value.numpy(), before[name], equal_nan=True)
    attempt("weights: notes", lambda: load_state_file(checkpoint))
    assert not RAN.exists(), "code of the file ran"


def store_it(folder: Path) -> None:
    """The newest whole one is found, or none."""
    store = CheckpointStore(folder)
    attempt("checkpoint: store", store.newest_valid)
    assert not RAN.exists(), "code of the file ran"


def resume_it(trained: Path, folder: Path, force: bool) -> None:
    """A training goes on from it, or refuses to."""
    options = TrainOptions(force_resume=force)
    data = toy.dataset(trained / "voc", "val")
    given = {"iters": 3, "resume_model": str(folder / "iter_2"), "options": options}
    attempt(
        "checkpoint: resume",
        lambda: toy.run(trained / "voc", folder, val_dataset=data, **given),
    )
    assert not RAN.exists(), "code of the file ran"


@fuzz(fast=30, slow=2000, name=st.sampled_from(FILES), data=st.data(), sign=st.booleans())
def test_bytes(trained, folder, name, data, sign):
    checkpoint = fresh(trained, folder)
    spoil(checkpoint, name, data.draw(spoilt_bytes((checkpoint / name).read_bytes())), sign)
    load_it(checkpoint)
    store_it(folder)


ARRAYS = st.sampled_from(
    [np.zeros(shape, kind) for shape in ((), (0,), (5,), (5, 3, 3, 3), (21,), (1, 1, 1, 1, 1))
     for kind in ("f4", "f8", "f2", "i8", "u2", "?", "c8", "U3")]
)  # fmt: skip
VALUES = ARRAYS | JUNK | st.sampled_from(TRAPS) | st.sampled_from([b"", (1, 2), ("a", np.ones(3))])


@st.composite
def states(draw: st.DrawFn, state: dict) -> bytes:
    """A pickled state with some entries of another kind, or something else altogether."""
    how = draw(st.sampled_from(["entries", "entries", "entries", "other", "deep", "protocol"]))
    if how == "other":
        return pickle.dumps(draw(VALUES), draw(st.integers(0, 5)))
    if how == "deep":
        return b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b"."
    state = dict(state)
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from(sorted(state, key=str)))
        change = draw(st.sampled_from(["value", "value", "drop", "rename"]))
        if change == "value":
            state[key] = draw(VALUES)
        else:
            value = state.pop(key)
            if change == "rename":
                state[draw(st.text(max_size=5) | st.integers() | st.none())] = value
        if not state:
            break
    return pickle.dumps(state, draw(st.integers(2, 5)))


def content(path: Path) -> dict:
    with open(path, "rb") as file:
        return pickle.load(file, encoding="latin1")  # our own


@fuzz(fast=30, slow=2000, name=st.sampled_from([WEIGHTS, OPTIMIZER]), data=st.data())
def test_entries(trained, folder, name, data):
    checkpoint = fresh(trained, folder)
    spoil(checkpoint, name, data.draw(states(content(checkpoint / name))), sign=False)
    load_it(checkpoint)
    store_it(folder)


@fuzz(
    fast=15,
    slow=800,
    name=st.sampled_from([NOTES, STATE, MANIFEST, EVALUATION]),
    data=st.data(),
    force=st.booleans(),
)
def test_notes(trained, folder, name, data, force):
    checkpoint = fresh(trained, folder)
    notes = json.loads((checkpoint / name).read_text())
    # What a callback kept is its own matter: values of wrong types in it, in a file that the
    # manifest vouches for, surface in the callback.
    kept = notes.get("state", notes).pop("parts", None)
    spoilt = data.draw(mutated(notes))
    inner = spoilt.get("state", spoilt)
    if kept and isinstance(inner, dict) and data.draw(st.booleans()):
        inner["parts"] = kept
    spoil(checkpoint, name, json.dumps(spoilt).encode("utf-8", "surrogatepass"), sign=True)
    store_it(folder)
    load_it(checkpoint)
    resume_it(trained, folder, force)


@fuzz(fast=0, slow=400, name=st.sampled_from([WEIGHTS, OPTIMIZER]), data=st.data())
def test_resuming(trained, folder, name, data):
    checkpoint = fresh(trained, folder)
    spoil(checkpoint, name, data.draw(states(content(checkpoint / name))), data.draw(st.booleans()))
    resume_it(trained, folder, force=True)
