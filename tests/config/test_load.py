"""Good configurations load as PaddleSeg's do; bad ones are refused by name before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from paddleseg.cvlibs import Config

from paddle_ann.config import load

ROOT = Path(__file__).resolve().parents[2] / "configs/ann"
VOC = ROOT / "ann_resnet50_os8_voc12_512x512_40k.yml"
SETTINGS = load(VOC).dic
SETTINGS["loss"]["types"] = SETTINGS["loss"]["types"][:1]  # as the file has it


LETTERS = "abcdefghijklmnopqrst"


def written(tmp_path: Path, text: str, name: str = "c.yml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(tmp_path: Path, **changes: Any) -> Path:
    """The VOC configuration with `section__key=value` changes; None takes a key out."""
    settings = yaml.safe_load(yaml.safe_dump(SETTINGS))
    for path, value in changes.items():
        *sections, key = path.split("__")
        node = settings
        for section in sections:
            node = node[int(section) if section.isdigit() else section]
        if value is None:
            del node[key]
        else:
            node[key] = value
    return written(tmp_path, yaml.safe_dump(settings))


def test_the_result_is_paddlesegs_own() -> None:
    strict, own = load(VOC), Config(str(VOC))
    assert isinstance(strict, Config) and strict.dic == own.dic


def test_overrides() -> None:
    config = load(
        VOC,
        learning_rate=0.5,
        iters=7,
        batch_size=3,
        opts=[
            "train_dataset.dataset_root=/a b/数据",
            "val_dataset.dataset_root=/v",
            "model.backbone.pretrained=null",
            "model.enable_auxiliary_loss=false",
            "loss.coef=[1]",
            "train_dataset.transforms=[{'type': 'Normalize'}]",
            "optimizer.weight_decay=0",
        ],
    )
    assert config.dic["lr_scheduler"]["learning_rate"] == 0.5
    assert (config.iters, config.batch_size) == (7, 3)
    assert config.dic["train_dataset"]["dataset_root"] == "/a b/数据"
    assert config.dic["train_dataset"]["transforms"] == [{"type": "Normalize"}]
    assert config.dic["model"]["backbone"]["pretrained"] is None
    assert config.dic["model"]["enable_auxiliary_loss"] is False
    assert isinstance(config.dic["optimizer"]["weight_decay"], float)
    assert config.dic["loss"]["types"] == [{"type": "CrossEntropyLoss"}]


def test_yaml_1_1_numbers(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        optimizer__weight_decay="4e-5",
        lr_scheduler__learning_rate="1E-2",
        model__backbone__pretrained="1e5",
    )
    assert Config(str(path)).dic["optimizer"]["weight_decay"] == "4e-5"  # what is mended
    settings = load(path).dic
    assert settings["optimizer"]["weight_decay"] == 4e-5
    assert settings["lr_scheduler"]["learning_rate"] == 0.01
    assert settings["model"]["backbone"]["pretrained"] == "1e5"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimiser": {}}, ["unknown key 'optimiser'", "did you mean 'optimizer'"]),
        ({"loss": None}, ["no 'loss'"]),
        ({"model__type": "AN"}, ["model.type is 'AN'", "models", "did you mean", "'ANN'"]),
        ({"model__backbone__type": "ResNet50vd"}, ["model.backbone.type", "'ResNet50_vd'"]),
        ({"val_dataset__transforms": [{}]}, ["val_dataset.transforms[0] has no `type`"]),
        ({"loss__types": [{}]}, ["loss.types[0] has no `type`"]),
        ({"model__backbone": {}}, ["model.backbone has no `type`"]),
        ({"model__backbone__type": None}, ["model.backbone has no `type`"]),
        ({"model__psp_sizes": [1]}, ["model (ANN) has no argument 'psp_sizes'", "'psp_size'"]),
        ({"model__backbone__outputstride": 8}, ["'outputstride'", "did you mean 'output_stride'"]),
        ({"train_dataset__type": "PascalVoc"}, ["train_dataset.type", "did you mean 'PascalVOC'"]),
        ({"train_dataset__root": "x"}, ["train_dataset (PascalVOC)", "'root'", "dataset_root"]),
        ({"val_dataset__transforms__0__type": "Pading"}, ["transforms[0].type", "'Padding'"]),
        ({"train_dataset__transforms__0__min_scale": 1}, ["transforms[0]", "'min_scale_factor'"]),
        ({"loss__types__0__type": "CrossEntropy"}, ["loss.types[0].type", "'CrossEntropyLoss'"]),
        ({"loss__types__0__weigth": [1]}, ["'weigth'", "did you mean 'weight'"]),
        ({"loss__coef": [1]}, ["loss.coef is [1]", "returns 2 logits"]),
        ({"model__enable_auxiliary_loss": False}, ["loss.coef is [1, 0.4]", "returns 1 logits"]),
        ({"loss__coef": []}, ["`types` and `coef`"]),
        (
            {"model__num_classes": 20},
            ["num_classes disagrees", "model (ANN): 20", "PascalVOC): 21"],
        ),
        ({"optimizer__type": "Momentun"}, ["optimizer.type", "did you mean 'Momentum'"]),
        ({"optimizer__moment": 0.9}, ["optimizer (Momentum)", "did you mean 'momentum'"]),
        ({"lr_scheduler__type": "Polynomial"}, ["lr_scheduler.type", "'PolynomialDecay'"]),
        ({"lr_scheduler__powr": 1}, ["lr_scheduler (PolynomialDecay)", "did you mean 'power'"]),
        ({"lr_scheduler__warmup_iters": 5}, ["warmup_start_lr"]),
        ({"batch_size": 0}, ["'batch_size' is 0", "at least 1"]),
        ({"iters": 2.5}, ["'iters' is 2.5"]),
        ({"model": [1]}, ["'model' is [1]"]),
        ({"test_config": {"aug_evl": True}}, ["test_config", "did you mean 'aug_eval'"]),
        ({"test_config": [{"aug_eval": True}]}, ["'test_config' is [{", "block"]),
        ({"model": {}}, ["no 'model'"]),
        ({"model__num_classes": {"a": 1}}, ["num_classes is {'a': 1}", "whole number"]),
        ({"model__backbone": "ResNet50_vd"}, ["model.backbone is 'ResNet50_vd'", "`type`"]),
        ({"train_dataset__transforms": [None]}, ["train_dataset.transforms is [None]", "`type`"]),
        ({"loss__types": ["CrossEntropyLoss"]}, ["loss.types is ['Cross", "list of blocks"]),
        ({"lr_scheduler__type": {"a": 1}}, ["lr_scheduler.type is {'a': 1}"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_refusals(tmp_path: Path, changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        load(changed(tmp_path, **changes))
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["c.yml is empty"]),
        ("# only a comment\n", ["c.yml is empty"]),
        ("- 1\n- 2\n", ["holds a list"]),
        ("iters: 1\nmodel: [1, 2\nloss: 3\n", ["c.yml, line 3", "no valid YAML"]),
        ("iters: 1\nmodel:\n\ttype: ANN\n", ["c.yml, line 3"]),
        ("iters: 1\niters: 2\n", ["c.yml, line 2", "'iters' is given twice"]),
        ("a: !!python/object/apply:os.system ['true']\n", ["c.yml, line 1"]),
        ("_base_: c.yml\n", ["is its own _base_"]),
        ("_base_: 3\n", ["c.yml: _base_ is 3", "path"]),
        ("_base_:\n", ["_base_ is None"]),
        ("_base_: [[a.yml]]\n", ["_base_ is [['a.yml']]"]),
        ("a: 2026-99-99\n", ["c.yml", "month must be in 1..12", "quotes"]),
        ("a: !!int x\n", ["c.yml", "no valid YAML"]),
        ("a: !!timestamp x\n", ["c.yml", "no valid YAML"]),
        ("? [1]\n: 2\n", ["c.yml, line 1", "a key must be a word"]),
        ("a: " + "[" * 5000, ["too deep"]),
        (
            "a: &a [x, x]\n"
            + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip(LETTERS, LETTERS[1:])),
            ["anchors", "100,000 values"],
        ),
    ],
)
def test_files_that_say_nothing(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        load(written(tmp_path, text))
    for word in words:
        assert word in str(error.value)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"_40.yml does not exist.*Did you mean .*_40k.yml"):
        load(str(VOC).replace("_40k", "_40"))
    path = written(tmp_path, "_base_: [gone.yml]\n")
    with pytest.raises(FileNotFoundError, match=rf"gone.yml, which {path} names as its _base_"):
        load(path)
    with pytest.raises(ValueError, match=r"must be a .yml or .yaml file"):
        load(written(tmp_path, "iters: 1\n", "c.txt"))
    latin = tmp_path / "latin.yml"
    latin.write_bytes("# é\niters: 1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not UTF-8"):
        load(latin)


@pytest.mark.parametrize("name", ["x" * 300 + ".yml", "a\0.yml"])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, yaml.safe_dump({"_base_": name}))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load(path)


def test_block_over_a_value(tmp_path: Path) -> None:
    written(tmp_path, "model: {type: ANN, num_classes: 3}\n", "base.yml")
    path = written(tmp_path, "_base_: base.yml\nmodel: {num_classes: {a: 1}}\n")
    with pytest.raises(ValueError, match=r"c.yml: .*_base_ file \(model.num_classes\)"):
        load(path)


def test_what_paddlesegs_checker_refuses_is_told_with_the_file(tmp_path: Path) -> None:
    section = {"type": "Dataset", "num_classes": 21, "dataset_root": "d", "transforms": []}
    section["mode"] = "train"
    sections = {"train_dataset": section, "val_dataset": {**section, "img_channels": 4}}
    with pytest.raises(ValueError, match=r"c.yml: `in_channels` is not consistent"):
        load(changed(tmp_path, **sections, model__backbone__in_channels=3))


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("iters", ["--opts 'iters'", "key=value"]),
        ("a=b=c", ["key=value"]),
        ("modle.num_classes=3", ["no 'modle' at the top", "did you mean 'model'"]),
        (
            "model.backbon.pretrained=None",
            ["no 'backbon' under 'model'", "did you mean 'backbone'"],
        ),
        ("batch_size.x=1", ["'batch_size' is 4", "no settings"]),
        ("model.num_clases=21", ["'num_clases'", "did you mean 'num_classes'"]),
    ],
)
def test_bad_overrides(item: str, words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        load(VOC, opts=[item])
    for word in words:
        assert word in str(error.value)


def test_an_override_of_what_an_override_took_away_is_named() -> None:
    with pytest.raises(ValueError, match="lr_scheduler.type: 'lr_scheduler' is None, which has no"):
        load(VOC, opts=["lr_scheduler=None", "lr_scheduler.type=PolynomialDecay"])
    block = "lr_scheduler={'type': 'PolynomialDecay', 'learning_rate': 1}"
    settings = load(VOC, opts=[block, "lr_scheduler.learning_rate=0.5"])
    assert settings.dic["lr_scheduler"] == {"type": "PolynomialDecay", "learning_rate": 0.5}


@pytest.mark.parametrize("name", ["learning_rate", "iters", "batch_size"])
def test_zero_is_no_override(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        load(VOC, **{name: 0})


def test_what_paddlesegs_scripts_read_is_accepted(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        to_static_training=True,
        print_mem_info=False,
        log_ranks="0",
        uniform_output_enabled=False,
        train_dataset__shuffle=True,
        test_config={"aug_eval": True, "scales": 1, "is_slide": False},
        optimizer={"type": "sgd", "momentum": 0.9},
    )
    assert load(path).dic["test_config"]["scales"] == 1.0


def test_a_heading_with_nothing_below_it(tmp_path: Path) -> None:
    path = written(tmp_path, f"_base_: {VOC}\ntest_config:\ntrain_options:\n")
    assert load(path).test_config == {}


def test_generic_data_set(tmp_path: Path) -> None:
    section = {
        "type": "Dataset",
        "dataset_root": "d",
        "num_classes": 21,
        "mode": "train",
        "transforms": [],
        "train_path": "t",
    }
    assert load(changed(tmp_path, train_dataset=section, val_dataset=section))
    with pytest.raises(ValueError, match=r"num_classes disagrees.*\(Dataset\): 3"):
        load(changed(tmp_path, train_dataset={**section, "num_classes": 3}, val_dataset=section))
