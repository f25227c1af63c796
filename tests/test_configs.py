"""Every configuration of the repository builds: model, losses, transforms, optimizer, schedule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import SegBuilder
from paddleseg.transforms import Compose

from paddle_ann.config import load

ROOT = Path(__file__).resolve().parents[1] / "configs"
CONFIGS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "ann").glob("*.yml"))
WITHOUT_WEIGHTS = ["model.backbone.pretrained=None"]


def test_every_recipe_of_the_issue_is_there() -> None:
    wanted = {
        f"resnet{d}_os8_{data}"
        for d in (50, 101)
        for data in (
            "voc12_512x512_40k",
            "voc12aug_512x512_40k",
            "cityscapes_1024x512_80k",
            "ade20k_512x512_80k",
            "pascal_context_520x520_40k",
        )
    }
    wanted |= {
        "resnet101_os8_voc12_200x200_1k",
        "resnet18_os8_camvid_224x224_1k",
        "resnet50_os8_camvid_480x360_10k",
    }
    assert wanted <= {Path(name).stem.removeprefix("ann_") for name in CONFIGS}
    assert any("toyvoc" in name for name in CONFIGS)


@pytest.fixture(scope="module", params=CONFIGS)
def builder(request: pytest.FixtureRequest) -> SegBuilder:
    return SegBuilder(load(ROOT / request.param, opts=WITHOUT_WEIGHTS))


@pytest.fixture(scope="module")
def logits(builder: SegBuilder) -> list[paddle.Tensor]:
    builder.model.train()
    return builder.model(paddle.randn([2, 3, 65, 57]))


def test_model_and_data_agree(builder: SegBuilder, logits: list[paddle.Tensor]) -> None:
    settings = builder.config.dic
    assert settings["model"]["num_classes"] == builder.train_dataset_class.NUM_CLASSES
    assert builder.val_dataset_class is builder.train_dataset_class
    assert settings["train_dataset"]["dataset_root"] == settings["val_dataset"]["dataset_root"]
    for logit in logits:
        assert logit.shape == [2, builder.train_dataset_class.NUM_CLASSES, 65, 57]


def test_one_loss_per_logit(builder: SegBuilder, logits: list[paddle.Tensor]) -> None:
    loss = builder.loss
    assert len(loss["types"]) == len(loss["coef"]) == len(logits)
    for type_ in loss["types"]:
        assert type_.ignore_index == builder.train_dataset_class.IGNORE_INDEX


def test_transforms_make_a_batch(builder: SegBuilder) -> None:
    image = np.random.default_rng(0).integers(0, 256, (360, 480, 3)).astype("float32")
    label = np.zeros((360, 480), "uint8")
    section = builder.config.dic["train_dataset"]
    transforms = Compose([builder.build_component(item) for item in section["transforms"]])
    data = transforms({"img": image, "label": label, "gt_fields": ["label"], "trans_info": []})
    assert data["img"].shape == (3, *data["label"].shape)
    named = section["transforms"][-1]["type"]
    assert named == "Normalize" and np.abs(data["img"]).max() <= 1
    validation = Compose(builder.val_transforms)({"img": image, "trans_info": [], "gt_fields": []})
    assert validation["img"].shape[0] == 3


def test_optimizer_and_schedule(builder: SegBuilder) -> None:
    settings = builder.config.dic
    optimizer = builder.optimizer
    first = settings["lr_scheduler"].get(
        "warmup_start_lr", settings["lr_scheduler"]["learning_rate"]
    )
    assert optimizer.get_lr() == pytest.approx(first)
    schedule = builder.lr_scheduler
    schedule.step(settings["iters"])
    assert schedule.get_lr() == pytest.approx(settings["lr_scheduler"]["end_lr"], abs=1e-9)
    names = {parameter.name for parameter in builder.model.parameters()}
    assert {parameter.name for parameter in optimizer._parameter_list} == names


def test_file_name_tells_the_recipe(builder: SegBuilder, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["builder"]
    settings = builder.config.dic
    _, depth, stride, *_, size, length = Path(name).stem.split("_")
    assert settings["model"]["backbone"]["type"].lower() == f"{depth}_vd"
    assert settings["model"]["backbone"]["output_stride"] == int(stride[2:])
    assert settings["iters"] == int(length.removesuffix("k")) * (1000 if length[-1] == "k" else 1)
    width, height = map(int, size.split("x"))
    sizes = [
        item.get("crop_size") or item.get("target_size")
        for item in settings["train_dataset"]["transforms"]
    ]
    assert "toy" in name or [width, height] in sizes


def test_the_guide() -> None:
    settings = load(ROOT / "ann/ann_resnet101_os8_voc12_200x200_1k.yml").dic
    kinds = [item["type"] for item in settings["train_dataset"]["transforms"]]
    assert kinds == ["Resize", "Normalize"] and settings["batch_size"] == 4
    assert settings["optimizer"] == {"type": "Momentum", "momentum": 0.9, "weight_decay": 4.0e-5}
    assert settings["lr_scheduler"] == {
        "type": "PolynomialDecay",
        "learning_rate": 0.01,
        "end_lr": 0,
        "power": 0.9,
    }
    assert settings["loss"]["coef"] == [1, 1] and settings["iters"] == 1000
    assert settings["model"]["backbone"] == {
        "type": "ResNet101_vd",
        "output_stride": 8,
        "pretrained": None,
    }
