"""What a recorder keeps of an evaluation: the same for any batch size and number of processes."""

from __future__ import annotations

import io
import pickle

import numpy as np
import paddle
import pytest

from paddle_ann import pickles
from paddle_ann.engine import evaluate
from paddle_ann.report import Recorder, Reliability, boundary, measures, recorder
from tests.engine.test_evaluation import WAYS
from tests.report.toy import CLASSES, Data, model, watched


def assert_same(one, other):
    for name in ("matrices", "contours"):
        for a, b in zip(getattr(one, name), getattr(other, name)):
            assert np.array_equal(a.places, b.places) and np.array_equal(a.counts, b.counts)
    for name in ("counts", "correct"):
        assert np.array_equal(*(getattr(found.reliability, name) for found in (one, other)))
    np.testing.assert_allclose(one.reliability.confidence, other.reliability.confidence, rtol=1e-5)
    assert [w.image for w in one.worst] == [w.image for w in other.worst]
    for a, b in zip(one.worst, other.worst):
        assert np.array_equal(a.label, b.label) and np.array_equal(a.prediction, b.prediction)


@pytest.mark.parametrize("way", WAYS)
def test_it_adds_up_to_the_evaluation_whatever_the_batches(way):
    data, network = Data(), model()
    scores, one = watched(network, data, batch_size=1, **WAYS[way])
    _, several = watched(network, data, batch_size=3, **WAYS[way])
    found = one.found()
    total = sum(matrix.dense(CLASSES, CLASSES) for matrix in found.matrices)
    assert np.array_equal(total, scores.confusion) and total.sum() > 1000
    assert found.reliability.counts.sum() == total.sum()
    assert found.reliability.correct.sum() == total.diagonal().sum()
    assert_same(found, several.found())


def test_of_each_image_by_itself():
    data, network = Data(), model()
    _, seen = watched(network, data, worst=2)
    found, bins, spread = seen.found(), Reliability(), []
    network.eval()
    for sample, matrix, contour in zip(data.samples, found.matrices, found.contours):
        logits = network(paddle.to_tensor(sample["img"][None]))[0].numpy()[0]
        label, ids = sample["label"][0], logits.argmax(0)
        chances = np.exp(logits - logits.max(0)) / np.exp(logits - logits.max(0)).sum(0)
        valid = label != 255
        bins.add(chances.max(0)[valid], (ids == label)[valid])
        expected = np.zeros((CLASSES, CLASSES), int)
        np.add.at(expected, (label[valid], ids[valid]), 1)
        assert np.array_equal(matrix.dense(CLASSES, CLASSES), expected)
        assert np.array_equal(matrix.areas(CLASSES), measures.areas(expected))
        near = boundary.areas(label, ids, CLASSES, valid)
        assert np.array_equal(contour.dense(3, CLASSES), near)
        spread.append(float(measures.image_iou(measures.areas(expected))))
    assert found.reliability.summary()["ece"] == pytest.approx(bins.summary()["ece"], rel=1e-4)
    assert np.isnan(spread[3]) and found.matrices[3].places.size == 0
    order = np.argsort(spread)  # nan is last
    assert [w.image for w in found.worst] == list(order[:2])
    assert found.worst[0].score == pytest.approx(min(spread[:3] + spread[4:]))


def test_maps_of_the_worst_are_small(monkeypatch):
    monkeypatch.setattr(recorder, "SIDE", 17)
    data = Data()
    _, seen = watched(model(), data, worst=9)
    worst = seen.found().worst
    assert len(worst) == 4  # the fifth has no score
    for one in worst:
        assert max(one.label.shape) == 17 and one.label.shape == one.confidence.shape
        assert set(np.unique(one.label)) <= {*range(4), CLASSES}  # CLASSES: ignored
        assert one.confidence.dtype == np.uint8 and one.confidence.max() > 60
    assert not watched(model(), data, worst=0)[1].found().worst


def test_several_processes(monkeypatch):
    """Each sees every second image; the parts travel as data and make the whole."""
    data, network = Data(), model()
    _, whole = watched(network, data)
    parts = []
    for rank in (0, 1):
        part = Recorder(data, 3)
        watched_half(network, data, part, rank)
        parts.append(part)

    class Group:
        rank = 1

        def __init__(self, states=None):
            self.states, self.sent = states, None

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def gather(self, state):
            self.sent = pickles.load(io.BytesIO(pickle.dumps(state)))
            return self.states or [self.sent, self.sent]

    sent = []
    for part in parts:
        group = Group()
        monkeypatch.setattr(recorder.processes, "connect", lambda group=group: group)
        with pytest.raises(
            RuntimeError, match=r"of 5 images were not evaluated: give the recorder"
        ):
            part.found()
        sent.append(group.sent)
    monkeypatch.setattr(recorder.processes, "connect", lambda: Group(sent))
    found = parts[1].found()
    assert not parts[1].writes
    monkeypatch.undo()
    assert_same(found, whole.found())


def watched_half(network, data, part, rank):
    """Show a recorder what process `rank` of two would see."""

    class Half(Data):
        def __init__(self):
            self.samples = data.samples[rank::2]

    def watch(seen):
        part(seen._replace(indices=[rank + 2 * index for index in seen.indices]))

    evaluate(network, Half(), print_detail=False, batch_size=2, watch=watch)
