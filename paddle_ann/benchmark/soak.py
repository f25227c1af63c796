"""The training that `tools/soak.py` runs: a small ANN on generated pictures, saved often."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import paddle
import paddleseg.transforms as T
from paddleseg.datasets import PascalVOC
from paddleseg.models.backbones import ResNet18_vd
from paddleseg.models.losses import CrossEntropyLoss

from paddle_ann.datasets import toy_voc
from paddle_ann.engine import train
from paddle_ann.engine.resources import ResourceLog, Sample
from paddle_ann.models import ANN

SAVE_INTERVAL, LOG_ITERS, SIZE, CLASSES = 40, 5, (48, 48), 21


def train_for(folder: Path, seconds: float, num_workers: int) -> ResourceLog:
    """Train in a folder for some time and return what the process held meanwhile.

    Args:
        folder: an empty folder, for data and checkpoints.
        seconds: of training.
        num_workers: reader processes.
    """
    root = toy_voc.generate(folder / "voc", num_train=40, num_val=10, size=SIZE)
    train_set = PascalVOC([T.RandomHorizontalFlip(), T.Normalize()], str(root), "train")
    val_set = PascalVOC([T.Normalize()], str(root), "val")
    model = ANN(CLASSES, ResNet18_vd(output_stride=8), key_value_channels=32, inter_channels=64)
    schedule = paddle.optimizer.lr.PolynomialDecay(0.01, decay_steps=10**6)
    log = ResourceLog(seconds)
    train(
        model,
        train_set,
        val_set,
        paddle.optimizer.Momentum(schedule, parameters=model.parameters()),
        save_dir=folder / "out",
        iters=10**6,
        batch_size=2,
        save_interval=SAVE_INTERVAL,
        log_iters=LOG_ITERS,
        num_workers=num_workers,
        use_vdl=True,
        use_ema=True,
        keep_checkpoint_max=2,
        losses={"types": [CrossEntropyLoss(), CrossEntropyLoss()], "coef": [1, 0.4]},
        callbacks=[log],
    )
    return log


def after(log: ResourceLog) -> Sample:
    """Return what the process holds after the training, once readers have had time to end."""
    gc.collect()
    time.sleep(2)
    return log.measure(log.samples[-1].iteration)
