"""Do the non-local blocks help where the evidence is far away? Three heads on one small backbone.

On the generated 'context' pictures the class of an object is told by a mark that lies outside the
receptive field of backbone and FCN head, so the FCN head can find the object and only guess its
class. Each arm is trained and evaluated by PaddleSeg, from several seeds.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddleseg.core import evaluate, train
from paddleseg.datasets import PascalVOC
from paddleseg.models.layers import ConvBNReLU
from paddleseg.models.losses import CrossEntropyLoss
from paddleseg.transforms import Normalize, RandomHorizontalFlip

from paddle_ann import scores
from paddle_ann.models import ANN
from paddle_ann.weights import read_weights

ARMS: dict[str, dict[str, Any]] = {
    "FCN head": {"use_fusion": False, "use_context": False},
    "+ APNB": {"use_fusion": False, "use_context": True},
    "+ AFNB + APNB": {"use_fusion": True, "use_context": True},
}
ITERS = 800
BATCH_SIZE = 8
LEARNING_RATE = 2e-3
DATA: dict[str, Any] = {
    "variant": "context",
    "num_train": 1200,
    "num_val": 100,
    "size": (64, 64),
    "seed": 0,
}


class SmallFieldBackbone(nn.Layer):
    """Three 3x3 convolutions to stride 4 and one 1x1: one feature sees 15 pixels, no further.

    Two outputs, low (N, width, H/4, W/4) and high (N, 2 * width, H/4, W/4), for
    `backbone_indices=(0, 1)`.

    Args:
        width: Channels of the low-level map.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.feat_channels = [width, 2 * width]
        self.stem = nn.Sequential(
            ConvBNReLU(3, width // 2, 3, stride=2), ConvBNReLU(width // 2, width, 3, stride=2)
        )
        self.low = ConvBNReLU(width, width, 3)
        self.high = ConvBNReLU(width, 2 * width, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) to [low, high]."""
        low = self.low(self.stem(x))
        return [low, self.high(low)]


def build(arm: str) -> ANN:
    """The network of one arm; only the head's options differ."""
    return ANN(
        num_classes=21,
        backbone=SmallFieldBackbone(),
        backbone_indices=(0, 1),
        key_value_channels=32,
        inter_channels=64,
        enable_auxiliary_loss=False,
        **ARMS[arm],
    )


def slug(arm: str) -> str:
    """The name of an arm as part of a folder's name."""
    return arm.lower().replace(" + ", "_").replace("+ ", "").replace(" ", "_")


def run(arm: str, seed: int, data_root: Path, save_dir: Path, iters: int) -> dict[str, Any]:
    """Trains and evaluates one arm through PaddleSeg, or returns the record of an earlier run.

    Args:
        arm: Name in `ARMS`.
        seed: Of the initial weights, the flips and the dropout (PaddleSeg orders samples by epoch).
        data_root: Folder of the 'context' pictures.
        save_dir: Folder of this run; `result.json` is written into it last.
        iters: Training iterations.

    Returns:
        The record: arm, seed, iters, mIoU, background IoU, mean IoU of the objects, parameters,
        seconds of training; scores in [0, 1].
    """
    record = save_dir / "result.json"
    wanted = {
        "arm": arm,
        "seed": seed,
        "iters": iters,
        "batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "data": {**DATA, "size": list(DATA["size"])},
    }
    if record.is_file():
        result = json.loads(record.read_text(encoding="utf-8"))
        if all(result.get(name) == value for name, value in wanted.items()):
            return result
    paddle.seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    model = build(arm)
    start = time.perf_counter()
    _train(model, data_root, save_dir, iters)
    seconds = time.perf_counter() - start
    miou, _, class_iou, *_ = evaluate(
        model, PascalVOC([Normalize()], str(data_root), "val"), num_workers=0
    )
    result = {
        **wanted,
        "mIoU": float(miou),
        "background_iou": float(class_iou[0]),
        "object_iou": float(np.mean(class_iou[1:])),
        "parameters": sum(int(np.prod(p.shape)) for p in model.parameters()),
        "train_seconds": round(seconds, 1),
        "finished": time.strftime("%Y-%m-%d"),
    }
    scores.save(result, record)
    return result


def _train(model: ANN, data_root: Path, save_dir: Path, iters: int) -> None:
    schedule = paddle.optimizer.lr.PolynomialDecay(LEARNING_RATE, iters, end_lr=0.0, power=0.9)
    train(
        model,
        PascalVOC([RandomHorizontalFlip(), Normalize()], str(data_root), "train"),
        optimizer=paddle.optimizer.AdamW(schedule, parameters=model.parameters()),
        save_dir=str(save_dir),
        iters=iters,
        batch_size=BATCH_SIZE,
        save_interval=iters,
        log_iters=max(iters // 10, 1),
        losses={"types": [CrossEntropyLoss()], "coef": [1.0]},
        keep_checkpoint_max=1,
    )


def load(arm: str, save_dir: Path, iters: int) -> ANN:
    """The trained network of a finished run, in eval mode."""
    model = build(arm)
    weights = save_dir / f"iter_{iters}" / "model.pdparams"
    model.set_state_dict(read_weights(str(weights)))
    model.eval()
    return model
