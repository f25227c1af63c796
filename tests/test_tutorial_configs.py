"""The tutorial's recipe: what its text says, found in the configurations and in what they build."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.cvlibs import SegBuilder
from paddleseg.transforms import Compose
from PIL import Image

from paddle_ann import session
from paddle_ann.config import load
from tests.datasets import camvid_trees as trees

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs/tutorial").glob("*.yml"))
CLASSES = {
    "annnet_resnet50_camvid_224x224_100e": 33,
    "annnet_resnet50_camvid11_224x224_100e": 11,
}


def test_every_configuration_is_looked_at():
    assert {path.stem for path in CONFIGS} == set(CLASSES)


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def config(request):
    return request.param


def small_data(config: Path, root: Path) -> list[str]:
    """17 images to train on and the options that name them."""
    if CLASSES[config.stem] == 33:
        trees.tutorial(root, counts=(17, 2))
    else:
        trees.segnet(root, np.zeros((5, 7)), (17, 2, 1))
    return [f"{section}_dataset.dataset_root={root}" for section in ("train", "val")]


def test_length_schedule_and_optimizer(config, tmp_path):
    builder = SegBuilder(load(config, opts=small_data(config, tmp_path)))
    settings = builder.config.dic
    assert (settings["epochs"], settings["batch_size"]) == (100, 8)
    assert settings["train_options"]["eval_epochs"] == 1
    assert settings["train_options"]["save_epochs"] == 5
    session.count_iterations(builder)
    assert settings["iters"] == 200  # 17 images make 2 batches of 8; the rest is left out
    rates = []
    for _ in range(200):
        rates.append(builder.lr_scheduler.get_lr())
        builder.lr_scheduler.step()
    assert np.allclose(rates, [0.1] * 100 + [0.05] * 100)


def test_network_loss_and_optimizer(config):
    builder = SegBuilder(load(config))
    model = builder.model
    model.train()  # Paddle 2.6 returns nothing
    (logits,) = model(paddle.randn([2, 3, 33, 41]))
    assert logits.shape == [2, CLASSES[config.stem], 33, 41]
    assert builder.train_dataset_class.NUM_CLASSES == CLASSES[config.stem]
    assert model.align_corners and hasattr(model.head, "auxlayer")
    dilations = [block.conv2._dilation[0] for block in model.backbone.layer3]
    assert dilations == [4] * 6 and model.backbone.layer2[0].conv2._dilation[0] == 2
    assert builder.loss["coef"] == [1] and builder.loss["types"][0].ignore_index == 255
    settings = builder.config.dic["optimizer"]
    assert settings == {"type": "SGD"}


def test_images_are_resized_flipped_and_normalised_as_in_the_tutorial(config, tmp_path):
    builder = SegBuilder(load(config))
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3)).astype(np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")  # RGB, as the tutorial's Pillow gives it
    expected = (image / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    transforms = [
        builder.build_component(item) for item in builder.config.dic["train_dataset"]["transforms"]
    ]
    assert [type(item).__name__ for item in transforms[1:3]] == [
        "RandomHorizontalFlip",
        "RandomVerticalFlip",
    ]
    seen = set()
    for _ in range(40):
        data = {"img": str(tmp_path / "a.png"), "trans_info": [], "gt_fields": []}
        made = Compose(transforms)(data)["img"].transpose(1, 2, 0)
        turned = [
            (v, h)
            for v in (1, -1)
            for h in (1, -1)
            if np.allclose(made[::v, ::h], expected, atol=1e-5)
        ]
        assert len(turned) == 1
        seen.update(turned)
    assert len(seen) == 4
    validation = Compose(builder.val_transforms)(
        {"img": image[..., ::-1].astype("float32"), "trans_info": []}
    )
    assert np.allclose(validation["img"].transpose(1, 2, 0), expected, atol=1e-5)
    wide = Compose(builder.val_transforms)(
        {"img": np.zeros((5, 7, 3), "float32"), "trans_info": []}
    )
    assert wide["img"].shape == (3, 224, 224)
