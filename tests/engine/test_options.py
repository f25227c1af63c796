"""Options: each field refuses by name what it cannot be; YAML, command line and API agree."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from paddle_ann import session
from paddle_ann.config import load
from paddle_ann.engine import TrainOptions

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "configs/ann/ann_resnet18_os8_toyvoc_96x96_500.yml"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"accumulate": 0}, ValueError, "accumulate must be at least 1; received 0"),
        ({"accumulate": 2.0}, TypeError, r"accumulate must be an integer; received 2\.0"),
        ({"accumulate": True}, TypeError, "accumulate must be an integer; received True"),
        ({"patience": -1}, ValueError, "patience must be at least 0; received -1"),
        ({"patience": None}, TypeError, "patience must be an integer; received None"),
        ({"eval_batch_size": 0}, ValueError, "eval_batch_size must be at least 1"),
        ({"eval_batch_size": "4"}, TypeError, "eval_batch_size must be an integer; received '4'"),
        ({"save_epochs": 0}, ValueError, "save_epochs must be at least 1; received 0"),
        ({"eval_epochs": 1.5}, TypeError, r"eval_epochs must be an integer; received 1\.5"),
        ({"xlsx": "yes"}, TypeError, "xlsx must be True or False; received 'yes'"),
        ({"seed": -1}, ValueError, "seed must be from 0 to 2147483647; received -1"),
        ({"seed": "7"}, TypeError, "seed must be an integer; received '7'"),
        ({"freeze": 3}, TypeError, "freeze must be a list of names of sublayers; received 3"),
        ({"freeze": None}, TypeError, "freeze must be a list"),
        ({"freeze": ["stem", 3]}, TypeError, "freeze must be a list"),
        ({"non_finite": "ignore"}, ValueError, "non_finite must be one of stop, skip, rollback"),
        ({"non_finite": []}, ValueError, "non_finite must be one of"),
        ({"min_delta": 1}, ValueError, "min_delta must be at least 0 and less than 1; received 1"),
        ({"min_delta": float("nan")}, ValueError, "min_delta must be .* received nan"),
        ({"min_delta": "0"}, TypeError, "min_delta must be a number; received '0'"),
        ({"force_resume": 1}, TypeError, "force_resume must be True or False; received 1"),
        ({"set_aside": "no"}, TypeError, "set_aside must be True or False; received 'no'"),
        ({"configuration": [1]}, TypeError, r"configuration must be a dict; received \[1\]"),
    ],
)
def test_refused_by_name(given, error, message):
    with pytest.raises(error, match=message):
        TrainOptions(**given)


def test_what_is_meant_is_taken():
    options = TrainOptions(freeze="backbone", accumulate=np.int64(3), min_delta=0, seed=7)
    assert options.freeze == ("backbone",)
    assert (options.accumulate, type(options.accumulate)) == (3, int)
    assert (options.min_delta, options.seed) == (0.0, 7)
    assert TrainOptions(freeze=["a", "b.c"]).freeze == ("a", "b.c")


def test_unknown_key_in_yaml():
    with pytest.raises(ValueError, match=r"unknown key 'acumulate'; did you mean 'accumulate'\?"):
        TrainOptions.from_dict({"acumulate": 2})
    with pytest.raises(ValueError, match="unknown key 'configuration'"):
        TrainOptions.from_dict({"configuration": {}})


@pytest.fixture
def parser(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.delitem(sys.modules, "train", raising=False)
    import train

    return train.parser()


def write(tmp_path, section) -> str:
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump({"_base_": str(CONFIG), "train_options": section}))
    return str(path)


SECTION = {
    "accumulate": 3,
    "freeze": ["backbone.conv1_1", "backbone.conv1_2"],
    "non_finite": "skip",
    "patience": 5,
    "min_delta": 0.01,
    "eval_batch_size": 4,
}


def test_yaml_gives_every_option(tmp_path, parser):
    config = write(tmp_path, SECTION)
    options = session.train_options(load(config), parser.parse_args(["--config", config]))
    assert {name: getattr(options, name) for name in SECTION} == {
        **SECTION,
        "freeze": tuple(SECTION["freeze"]),
    }


def test_the_command_line_wins(tmp_path, parser):
    config = write(tmp_path, SECTION)
    words = "--accumulate 2 --freeze head --non_finite rollback --patience 0 --min_delta 0"
    words += " --save_epochs 5 --eval_epochs 2 --xlsx"
    words += " --vdl_images 0 --vdl_points 7 --vdl_histograms 11 --vdl_pr_curves --vdl_mib 3"
    words += " --eval_batch_size 1 --force_resume --set_aside --seed 0"
    args = parser.parse_args(["--config", config, *words.split()])
    options = session.train_options(load(config), args)
    found = {n: v for n, v in vars(options).items() if n not in ("configuration", "record")}
    assert found == {
        "accumulate": 2, "freeze": ("head",), "non_finite": "rollback", "patience": 0,
        "min_delta": 0.0, "eval_batch_size": 1, "force_resume": True, "set_aside": True, "seed": 0,
        "save_epochs": 5, "eval_epochs": 2, "metrics": True, "xlsx": True, "vdl_images": 0,
        "vdl_points": 7, "vdl_histograms": 11, "vdl_pr_curves": True, "vdl_mib": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"freese": "backbone"}, "unknown key 'freese'; did you mean 'freeze'"),
        ({"accumulate": 0}, "accumulate must be at least 1; received 0"),
        ({"patience": "many"}, "train_options: patience must be an integer; received 'many'"),
    ],
)
def test_wrong_yaml_is_refused_when_it_is_read(tmp_path, section, message):
    with pytest.raises(ValueError, match=message):
        load(write(tmp_path, section))
