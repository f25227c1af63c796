"""The contact sheet shows the right picture, in the right colours, in the right place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg.datasets import PascalVOC
from paddleseg.transforms import Normalize
from PIL import Image

from paddle_ann.datasets import toy_voc
from paddle_ann.visualize import (
    Sample,
    class_names,
    class_palette,
    contact_sheet,
    predict_samples,
)

PALETTE = np.array([[0, 0, 0], [250, 0, 0], [0, 250, 0]], np.uint8)


def test_contact_sheet() -> None:
    image = np.full((5, 7, 3), (10, 20, 30), np.uint8)
    label, prediction = np.full((5, 7), 1, np.uint8), np.full((5, 7), 2, np.uint8)
    label[0] = 255
    sheet = np.asarray(
        contact_sheet([Sample(image, label, prediction)] * 3, "abc", PALETTE, height=50)
    )
    flat = sheet.reshape(-1, 3).tolist()
    assert flat.count([10, 20, 30]) == 3 * 50 * 70
    assert 3 * 40 * 70 < flat.count([250, 0, 0]) < 3 * 40 * 70 + 200  # and its legend
    assert 3 * 50 * 70 < flat.count([0, 250, 0]) < 3 * 50 * 70 + 200
    assert flat.count([224, 224, 224]) > 3 * 10 * 70
    first = [
        np.argwhere((sheet == color).all(-1)).min(0)[1]
        for color in ([10, 20, 30], [250, 0, 0], [0, 250, 0])
    ]
    assert first[0] < first[2]  # the image stands left of the prediction
    with pytest.raises(ValueError, match="samples is empty"):
        contact_sheet([], "abc", PALETTE)


class Constant(paddle.nn.Layer):
    """Says class 3 in the left half, class 0 in the right one."""

    def forward(self, x: paddle.Tensor) -> list[paddle.Tensor]:
        assert not self.training
        logit = np.zeros((1, 21, *x.shape[2:]), "float32")
        logit[:, 3, :, : x.shape[3] // 2] = 1
        return [paddle.to_tensor(logit)]


def test_predict_samples(tmp_path: Path) -> None:
    root = toy_voc.generate(tmp_path / "toy", num_train=1, num_val=3, size=(37, 48))
    dataset = PascalVOC([Normalize()], str(root), mode="val")
    samples = predict_samples(Constant(), dataset, [0, 2])
    assert len(samples) == 2
    for sample, index in zip(samples, (0, 2)):
        path, label = dataset.file_list[index]
        np.testing.assert_array_equal(sample.image, np.asarray(Image.open(path)))
        np.testing.assert_array_equal(sample.label, np.asarray(Image.open(label)))
        assert (sample.prediction[:, :24] == 3).all() and (sample.prediction[:, 24:] == 0).all()
    assert class_names(dataset)[:2] == ("background", "disc")
    np.testing.assert_array_equal(class_palette(dataset)[:2], [[0, 0, 0], [128, 0, 0]])
    (root / "toy_voc.json").unlink()
    assert class_names(dataset)[20] == "tv monitor"
