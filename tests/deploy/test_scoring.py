"""An export in the place of the network: the same logits, so the same scores."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_ann.deploy import writing
from paddle_ann.deploy.runner import Bundle
from paddle_ann.deploy.scoring import AsModel
from paddle_ann.engine import evaluate
from tests.deploy.conftest import DESCRIPTION, WEIGHT
from tests.deploy.toy import normalised, picture


class Images:
    """Two pictures whose labels are what the network makes of them, but for some pixels."""

    num_classes, ignore_index = 5, 255

    def __init__(self) -> None:
        self.samples = []
        for seed in range(2):
            image = normalised([picture(31, 43, seed)])[0]
            label = np.einsum("oc,chw->ohw", WEIGHT[:, :, 0, 0], image).argmax(0)
            label[:7] = (label[:7] + 1) % 5
            sample = {"img": image, "label": label[None], "trans_info": []}
            self.samples.append(sample)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict:
        return self.samples[index]


def test_an_export_is_evaluated_as_a_model_is(bundle):
    model = AsModel(Bundle(bundle))
    images = Images()
    [logits] = model(paddle.to_tensor(images[0]["img"][None]))
    expected = np.einsum("oc,chw->ohw", WEIGHT[:, :, 0, 0], images[0]["img"])
    assert logits.numpy()[0] == pytest.approx(expected, abs=1e-4)
    _, accuracy, *_ = evaluate(model, images, print_detail=False)
    assert accuracy == pytest.approx(24 / 31, abs=1e-3)


def test_class_numbers_alone_are_refused(bundle):
    writing.write_description(bundle, {**DESCRIPTION, "outputs": ["argmax"]})
    with pytest.raises(ValueError, match="evaluation needs scores"):
        AsModel(Bundle(bundle))
