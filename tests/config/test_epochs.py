"""`epochs` in place of `iters`: the last word wins; schedules follow, by epoch or to the end."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
import yaml
from paddleseg.cvlibs import SegBuilder

from paddle_ann import session
from paddle_ann.config import load
from paddle_ann.config.epochs import in_iterations, last_word

ROOT = Path(__file__).resolve().parents[2] / "configs/ann"
CONFIG = ROOT / "ann_resnet18_os8_toyvoc_96x96_500.yml"  # says iters
STEPS = {"type": "StepDecay", "learning_rate": 0.1, "step_size": 2, "gamma": 0.5, "by_epoch": True}


def written(folder: Path, name: str = "c.yml", **settings) -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump({"_base_": str(CONFIG), **settings}))
    return path


def words(config) -> dict:
    return {name: config.dic[name] for name in ("iters", "epochs") if config.dic.get(name)}


def test_the_file_wins_over_its_base(tmp_path):
    middle = written(tmp_path, "middle.yml", epochs=3)
    assert words(load(middle)) == {"epochs": 3}
    leaf = written(tmp_path, "leaf.yml", _base_="middle.yml", iters=7)
    assert words(load(leaf)) == {"iters": 7}
    silent = written(tmp_path, "silent.yml", _base_="middle.yml", batch_size=3)
    assert words(load(silent)) == {"epochs": 3}


def test_of_several_bases_the_first_wins_as_in_paddleseg(tmp_path):
    written(tmp_path, "epochs.yml", epochs=3)
    written(tmp_path, "iters.yml", iters=7)
    both = written(tmp_path, _base_=["epochs.yml", "iters.yml"])
    assert last_word(both) == "epochs" and words(load(both)) == {"epochs": 3}


def test_both_in_one_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"c\.yml gives both iters and epochs.*Remove one"):
        load(written(tmp_path, epochs=3, iters=7))


def test_the_command_line_wins(tmp_path):
    path = written(tmp_path, epochs=3)
    assert words(load(path, iters=7)) == {"iters": 7}
    assert words(load(path, epochs=5)) == {"epochs": 5}
    assert words(load(path, opts=["iters=7"])) == {"iters": 7}
    assert words(load(CONFIG, opts=["epochs=7"])) == {"epochs": 7}
    for given in ({"iters": 7, "epochs": 5}, {"iters": 7, "opts": ["epochs=5"]}):
        with pytest.raises(ValueError, match="command line gives both iters and epochs"):
            load(path, **given)


@pytest.mark.parametrize("value", [0, 2.5, "many", True])
def test_epochs_must_be_a_count(tmp_path, value):
    with pytest.raises(ValueError, match="'epochs' is .*whole number of at least 1"):
        load(written(tmp_path, epochs=value))


def test_one_of_them_is_needed(tmp_path):
    with pytest.raises(ValueError, match="neither 'iters' nor 'epochs'"):
        load(written(tmp_path, iters=None))


def test_null_says_nothing(tmp_path):
    assert words(load(written(tmp_path, epochs=None))) == {"iters": load(CONFIG).iters}


def test_iterations_are_not_made_up(tmp_path):
    config = load(written(tmp_path, epochs=3))
    with pytest.raises(RuntimeError, match=r"epochs: 3.*count_iterations"):
        SegBuilder(config).lr_scheduler  # noqa: B018


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({**STEPS, "by_epoch": 1}, "by_epoch is 1; it must be True or False"),
        ({**STEPS, "step_size": 1.5}, r"step_size is 1\.5; by_epoch it must be in whole epochs"),
        (
            {"type": "ExponentialDecay", "learning_rate": 1.0, "gamma": 0.9, "by_epoch": True},
            "by_epoch does not go with ExponentialDecay, only with StepDecay, MultiStepDecay",
        ),
    ],
)
def test_by_epoch_is_checked(tmp_path, schedule, message):
    with pytest.raises(ValueError, match=message):
        load(written(tmp_path, lr_scheduler={"_inherited_": False, **schedule}))


@pytest.mark.parametrize(
    ("schedule", "name", "expected"),
    [
        (STEPS, "step_size", 14),
        ({"type": "MultiStepDecay", "milestones": [1, 3], "by_epoch": True}, "milestones", [7, 21]),
        ({"type": "PiecewiseDecay", "boundaries": [2], "by_epoch": True}, "boundaries", [14]),
        ({"type": "StepDecay", "step_size": 2}, "step_size", 2),
        ({"type": "CosineAnnealingDecay"}, "T_max", 35),
        ({"type": "CosineAnnealingDecay", "T_max": 9}, "T_max", 9),
        ({"type": "CosineAnnealingDecay", "warmup_iters": 4}, "T_max", 31),
        ({"type": "PolynomialDecay", "by_epoch": True}, "decay_steps", 35),
        ({"type": "PolynomialDecay", "decay_steps": 2, "by_epoch": True}, "decay_steps", 14),
    ],
)
def test_in_iterations(schedule, name, expected):
    found = in_iterations({"epochs": 5, "lr_scheduler": schedule}, per_epoch=7)
    assert found["iters"] == 35
    assert found["lr_scheduler"][name] == expected and "by_epoch" not in found["lr_scheduler"]


def test_iters_stay_and_by_epoch_counts_all_the_same():
    found = in_iterations({"iters": 11, "lr_scheduler": dict(STEPS)}, per_epoch=7)
    assert found["iters"] == 11 and found["lr_scheduler"]["step_size"] == 14


class Builder:
    """A builder whose training set has 23 samples."""

    def __init__(self, config):
        self.config, self.train_dataset = config, [None] * 23


def test_the_schedule_steps_at_epochs_exactly(tmp_path):
    """23 samples, batches of 3, 2 accumulated: 7 batches, so 3 updates an epoch."""
    schedule = {"_inherited_": False, **STEPS}
    config = load(written(tmp_path, epochs=5, batch_size=3, lr_scheduler=schedule))
    session.count_iterations(Builder(config), accumulate=2)
    assert config.iters == 15 and session.length(config) == {"epochs": 5}
    found, rates = SegBuilder(config).lr_scheduler, []
    for _ in range(config.iters):
        rates.append(found.get_lr())
        found.step()
    assert rates == [0.1] * 6 + [0.05] * 6 + [0.025] * 3


def test_the_polynomial_ends_with_the_epochs(tmp_path):
    config = load(written(tmp_path, epochs=5, batch_size=3))
    session.count_iterations(Builder(config))
    warmup = config.dic["lr_scheduler"]["warmup_iters"]
    found = SegBuilder(config).lr_scheduler
    assert found.learning_rate.decay_steps == max(35 - warmup, 1) and found.warmup_steps == warmup


def test_options_of_yaml_and_command_line(tmp_path):
    section = {"save_epochs": 5, "eval_epochs": 2, "metrics": False}
    config = load(written(tmp_path, epochs=3, train_options=section))
    options = session.train_options(config, Namespace(save_epochs=4, xlsx=True))
    assert (options.save_epochs, options.eval_epochs) == (4, 2)
    assert (options.metrics, options.xlsx) == (False, True)
    assert session.train_options(load(CONFIG), Namespace()).metrics
