"""`run.json`: what is written down of a training, and what is not."""

from __future__ import annotations

import json
import os

import pytest

from paddle_ann.engine import TrainOptions
from paddle_ann.monitor import manifest
from paddle_ann.monitor.hyper_parameters import flat
from tests.engine import toy
from tests.monitor import logs


def test_what_is_written_down(root, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "a secret of mine")
    monkeypatch.setenv("FLAGS_of_mine", "1")
    options = TrainOptions(metrics=True, seed=11, record={"model": {"type": "Small"}})
    toy.run(root, tmp_path, iters=2, val_dataset=toy.dataset(root, "val"), options=options)
    text = (tmp_path / "run.json").read_text()
    assert "a secret of mine" not in text and "MY_TOKEN" not in text
    (part,) = manifest.load(tmp_path / "run.json")
    assert part["arguments"]["iters"] == 2 and part["arguments"]["seed"] == 11
    assert part["configuration"] == {"model": {"type": "Small"}}
    assert part["fingerprint"]["train_dataset"]["samples"] == 7
    assert part["versions"]["visualdl"] and part["machine"]["cores"] == os.cpu_count()
    assert part["variables"]["FLAGS_of_mine"] == "1"
    assert part["start"]["iteration"] == 0 and part["end"]["iteration"] == 2
    assert part["end"]["reason"] == "it is through" and part["end"]["scores"]["loss"] > 0
    assert part["end"]["best"]["model"][1] == 2


@pytest.mark.parametrize(
    ("thing", "left"),
    [
        (["--opts", "a.api_key=1234", "b=1"], ["--opts", "a.api_key=(left out)", "b=1"]),
        (["--token", "1234", "--iters", 5], ["--token", "(left out)", "--iters", 5]),
        ("https://me:pw@host/x.pdparams?Signature=1234", "https://host/x.pdparams"),
        (
            {"password": "1234", "in": {"auth": ["1234"]}},
            {"password": "(left out)", "in": {"auth": "(left out)"}},
        ),
        ({"tokens": 3, "author": "me", "keys": 7}, {"tokens": 3, "author": "me", "keys": 7}),
        ({"access_token": "1234"}, {"access_token": "(left out)"}),
        ({"model": "a=b", "n": None, "x": 0.5}, {"model": "a=b", "n": None, "x": 0.5}),
    ],
)
def test_secrets_are_left_out(thing, left):
    assert manifest.hidden(thing) == left


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"parts": 3}', '{"parts": [3]}', "[" * 9999],
    ids=["empty", "list", "number", "numbers", "deep"],
)
def test_a_file_that_is_none_is_moved_away(root, tmp_path, text):
    logs.run(root, tmp_path, iters=1, save_interval=1)
    (tmp_path / "run.json").write_text(text)
    logs.run(root, tmp_path, iters=2, resume_model="auto")
    assert (tmp_path / "earlier_1/run.json").read_text() == text
    (part,) = manifest.load(tmp_path / "run.json")
    assert part["start"]["iteration"] == 1


def test_hyper_parameters_are_those_that_change_the_training(told):
    part = json.loads((told / "run.json").read_text())["parts"][0]
    found = flat(part["arguments"], part["fingerprint"])
    assert found["learning_rate"] == 0.05 and found["schedule"] == "PolynomialDecay"
    assert found["batch_size"] == 2 and found["optimizer"] == "AdamW" and found["samples"] == 7
    assert found["losses"] == "1 CrossEntropyLoss, 0.4 CrossEntropyLoss"
    assert not {"save_dir", "use_vdl", "vdl_images"} & set(found)
    warm = {**part["fingerprint"], "optimizer": {
        "type": "SGD", "settings": {},
        "learning_rate": {"type": "LinearWarmup", "base_lr": 1e-5,
                          "learning_rate": {"type": "CosineAnnealingDecay", "base_lr": 0.3}},
    }}  # fmt: skip
    assert flat({}, warm)["learning_rate"] == 0.3
    assert flat({"big": 2**40, "on": True, "list": [1]}, warm)["big"] == str(2**40)
