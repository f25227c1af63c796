"""A small evaluation: images of two sizes, one of ignored pixels alone, a class that is nowhere."""

from __future__ import annotations

import numpy as np
import paddle

from paddle_ann.engine import evaluate
from paddle_ann.report import Recorder
from tests.helpers import randomize

CLASSES = 5  # class 4 is in no label and gets no prediction
SIZES = [(37, 41), (31, 43), (37, 41), (29, 31), (37, 41)]
NAMES = ("sky", "road <b>", "car", "tree & bush", "absent")


class Data(paddle.io.Dataset):
    """Random images; labels in blocks, so that there are contours."""

    num_classes, ignore_index = CLASSES, 255
    CLASS_NAMES = NAMES
    PALETTE = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]

    def __init__(self, sizes=SIZES, ignored=(3,), seed=7) -> None:
        generator = np.random.default_rng(seed)
        self.samples = []
        for number, (height, width) in enumerate(sizes):
            blocks = generator.choice([0, 1, 2, 3, 255], (1, -(-height // 7), -(-width // 7)))
            label = blocks.repeat(7, 1).repeat(7, 2)[:, :height, :width]
            if number in ignored:
                label[:] = 255
            image = generator.normal(size=(3, height, width)).astype("float32")
            self.samples.append({"img": image, "label": label.astype("uint8"), "trans_info": []})

    def __getitem__(self, index):
        return dict(self.samples[index])

    def __len__(self):
        return len(self.samples)


class Model(paddle.nn.Layer):
    """One convolution; the last class never wins."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = paddle.nn.Conv2D(3, CLASSES, 5, padding=2)

    def forward(self, x):
        shift = paddle.to_tensor([0.0] * (CLASSES - 1) + [-1e4]).reshape([1, -1, 1, 1])
        return [self.conv(x) + shift]


def model(seed: int = 3) -> Model:
    paddle.seed(seed)
    return randomize(Model())


def watched(network, data, worst=3, **options):
    """The scores of an evaluation and the recorder that watched it."""
    recorder = Recorder(data, worst)
    return evaluate(network, data, print_detail=False, watch=recorder, **options), recorder
