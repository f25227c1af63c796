"""`evaluate(watch=...)`: every image once, with its number, whatever the order of the batches."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_ann.engine import evaluate
from paddle_ann.metrics import confusion_matrix
from tests.engine.test_evaluation import CLASSES, WAYS, Mixed, Plain
from tests.helpers import randomize


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("way", ["plain", "aug and slide"])
def test_every_image_is_seen_once_and_adds_up_to_the_result(way, batch_size):
    data, model = Mixed(resized=(53, 47)), randomize(Plain())
    seen = []
    scores = evaluate(
        model, data, print_detail=False, batch_size=batch_size, watch=seen.append, **WAYS[way]
    )
    assert max(len(batch.indices) for batch in seen) == min(batch_size, 4)
    total = np.zeros((CLASSES, CLASSES), int)
    for batch in seen:
        assert np.array_equal(batch.logits.numpy().argmax(1), batch.classes.numpy()[:, 0])
        for index, classes, label in zip(batch.indices, batch.classes, batch.labels):
            assert np.array_equal(label.numpy(), data[index]["label"])
            total += confusion_matrix(classes, label, CLASSES, 255).numpy()
    assert sorted(index for batch in seen for index in batch.indices) == list(range(len(data)))
    assert np.array_equal(total, scores.confusion)
