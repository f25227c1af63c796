"""A training of seconds for the tests of the engine: random images, a small model with dropout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import paddleseg.transforms as T
from paddle import nn
from paddleseg.datasets import PascalVOC

from paddle_ann.engine import train
from tests.compat import tiny

CLASSES = 21


class Small(nn.Layer):
    """Two convolutions with batch norm and dropout; two outputs in training."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2D(3, 5, 3, padding=1), nn.BatchNorm2D(5), nn.ReLU())
        self.dropout = nn.Dropout(0.3)
        self.cls = nn.Conv2D(5, CLASSES, 1)
        self.aux = nn.Conv2D(5, CLASSES, 1)

    def forward(self, x: paddle.Tensor) -> list[paddle.Tensor]:
        x = self.dropout(self.stem(x))
        return [self.cls(x), self.aux(x)] if self.training else [self.cls(x)]


def dataset(root: Path, mode: str = "train", augment: bool = True) -> Any:
    """A Pascal VOC of 7 images; with random flips and crops unless told otherwise."""
    if not root.exists():
        tiny.write_voc(root, [f"image{i}" for i in range(7)])
    random = [T.RandomHorizontalFlip(), T.RandomPaddingCrop(crop_size=(31, 31)), T.RandomDistort()]
    transforms = [*(random if augment and mode == "train" else []), T.Normalize()]
    return PascalVOC(transforms, dataset_root=str(root), mode=mode)


def make(model: nn.Layer | None = None) -> dict[str, Any]:
    """Model, optimizer with a schedule and losses, made from the seed in force."""
    model = model or Small()
    schedule = paddle.optimizer.lr.PolynomialDecay(0.05, decay_steps=40, end_lr=0.001)
    optimizer = paddle.optimizer.AdamW(schedule, parameters=model.parameters())
    losses = {**tiny.cross_entropies(2), "coef": [1, 0.4]}
    return {"model": model, "optimizer": optimizer, "losses": losses}


def run(root: Path, save_dir: Path, seed: int = 3, **given: Any) -> dict[str, Any]:
    """Train from the seed and return the parts and the result."""
    from paddleseg.utils.utils import set_seed

    set_seed(seed)
    parts = make(given.pop("model", None))
    data = given.pop("train_dataset", None) or dataset(root)
    arguments = {
        "iters": 8,
        "batch_size": 2,
        "save_interval": 4,
        "log_iters": 1,
        "save_dir": str(save_dir),
        "train_dataset": data,
        **parts,
        **given,
    }
    return {**parts, "result": train(**arguments)}


def arrays(folder: Path) -> dict[str, np.ndarray]:
    """All tensors of a checkpoint: weights, statistics and the optimizer's accumulators."""
    found = {}
    for name in ("model.pdparams", "model.pdopt"):
        for key, value in paddle.load(str(folder / name)).items():
            if hasattr(value, "numpy"):
                found[f"{name}:{key}"] = value.numpy()
            elif key == "LR_Scheduler":
                found[key] = np.array([value["last_epoch"], value["last_lr"]])
    return found


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Demand equality to the last bit."""
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert np.array_equal(value, second[name]), name
