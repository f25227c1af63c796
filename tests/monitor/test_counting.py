"""What is computed for the log, against computations of another kind."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import paddle
import psutil
import pytest
from paddleseg.models.losses import CrossEntropyLoss

from paddle_ann.engine.evaluation import Seen
from paddle_ann.monitor import confusion, facts, histograms, pictures, pr_curves
from paddle_ann.monitor.validation_loss import ValidationLoss

RUN = SimpleNamespace(is_main=True, iteration=3)


def seen(indices=(0, 1), size=(5, 7), classes=3, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(indices), classes, *size)).astype("float32")
    labels = rng.integers(0, classes, (len(indices), 1, *size))
    labels[0, 0, :2] = 255
    found = logits.argmax(1)[:, None].astype("int32")
    return Seen(list(indices), *map(paddle.to_tensor, (found, logits, labels)))


def test_the_validation_loss_is_the_mean_over_labelled_pixels():
    losses = {"types": [CrossEntropyLoss(), None], "coef": [0.7, 5]}
    tally = ValidationLoss(paddle.nn.ReLU(), losses, 255)
    one, two = seen(), seen((2,), (3, 11), seed=1)
    values = []
    for part in (one, two):
        tally.on_predictions(RUN, part)
        raised = np.exp(part.logits.numpy().astype("float64"))
        chance = raised / raised.sum(1, keepdims=True)
        labels = part.labels.numpy()[:, 0]
        n, y, x = np.nonzero(labels != 255)
        values.append(-np.log(chance[n, labels[n, y, x], y, x]))
    scores = {}
    tally.on_eval(RUN, scores)
    assert scores["loss"] == pytest.approx(0.7 * np.concatenate(values).mean(), rel=1e-5)
    again = {}
    tally.on_eval(RUN, again)  # nothing was seen since
    assert again == {}


def test_a_loss_that_cannot_be_computed_is_said_once_and_left_out(capsys):
    class Edges(paddle.nn.Layer):
        def forward(self, logits, labels):
            raise ValueError("where are the edges?")

    tally = ValidationLoss(paddle.nn.ReLU(), {"types": [Edges()], "coef": [1]}, 255)
    for _ in range(2):
        scores = {}
        tally.on_predictions(RUN, seen())
        tally.on_eval(RUN, scores)
        assert scores == {}
    assert capsys.readouterr().out.count("where are the edges?") == 1


def test_pr_curves_against_a_count_one_by_one():
    part = seen()
    logits = part.logits.numpy()
    chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    chance[0, :, 3, 3] = [1, 0, 0]  # the ends of the scale
    counts = pr_curves.binned(paddle.to_tensor(chance), part.labels, 255).numpy()
    labels = part.labels.numpy()[:, 0]
    valid = labels != 255
    for c in range(3):
        for step in (0, 1, 40, 63, 125, 126):
            above = np.floor(chance[:, c] * np.float32(126)) >= step
            for truth in (0, 1):
                expected = (above & valid & ((labels == c) == truth)).sum()
                assert counts[c, truth, step:].sum() == expected
    assert counts.sum() == 3 * valid.sum()


def test_average_precision():
    true, false = np.array([4, 4, 2, 0]), np.array([4, 0, 0, 0])
    assert pr_curves.average_precision(true, false) == 1.0
    assert pr_curves.average_precision(np.array([1, 0]), np.array([3, 0])) == 0.25


def test_histograms_meet_every_place_of_a_kernel():
    kernel = np.broadcast_to(np.arange(9.0), (512, 256, 9)).reshape(512, 256, 3, 3)
    values = histograms.sample(paddle.to_tensor(kernel.astype("float32")))
    assert 4096 < values.size <= histograms.MOST
    share = np.bincount(values.astype(int), minlength=9) / values.size
    assert abs(share - 1 / 9).max() < 0.001
    few = paddle.to_tensor([1.0, math.nan, 3.0, math.inf])
    np.testing.assert_array_equal(histograms.sample(few), [1.0, 3.0])
    counts, edges = histograms.spread(np.full(5, 2.0, "float32"))
    assert counts.sum() == 5 and edges[0] < 2 < edges[-1]


def test_rows_of_the_confusion_matrix():
    matrix = np.array([[3, 1, 0], [0, 0, 0], [2, 2, 4]])
    np.testing.assert_array_equal(
        confusion.row_shares(matrix), [[0.75, 0.25, 0], [math.nan] * 3, [0.25, 0.25, 0.5]]
    )
    picture = confusion.draw(matrix, ["sky", "a name that is far too long to be shown", "树"])
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    many = confusion.draw(np.eye(131, dtype=int), [f"class {i}" for i in range(131)])
    assert max(many.shape) < 1300


def test_accuracy_of_classes_is_what_was_found_of_them():
    scores = {"confusion": np.array([[3, 1], [0, 0]]), "class_iou": [0.75, 0.0]}
    assert facts.by_class(scores, ["sky", "sea"]) == {
        "class_iou": {"sky": 0.75, "sea": 0.0},
        "class_accuracy": {"sky": 0.75},
    }
    assert facts.by_class({"class_iou": [1.0], "confusion": None}, ["sky"]) == {
        "class_iou": {"sky": 1.0}
    }


def test_memory_is_that_of_this_process():
    resident = psutil.Process().memory_info().rss / 2**30
    assert facts.memory()["process_GiB"] == pytest.approx(resident, rel=0.05)


def test_errors_and_colours():
    label, found = np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 1]], np.int32)
    right, wrong, ignored = pictures.RIGHT, pictures.WRONG, pictures.IGNORED
    assert pictures.errors(label, found, 255).tolist() == [[[*right], [*wrong], [*ignored]]]
    colors = pictures.color_table(np.array([[1, 2, 3], [4, 5, 6]], np.uint8), 255)
    assert colors[label].tolist() == [[[1, 2, 3], [4, 5, 6], [*ignored]]]


def test_which_images_and_points():
    assert pictures.spread(range(0, 101, 2), 3) == [0, 50, 100]
    assert pictures.spread(range(2), 5) == [0, 1]
    assert pictures.spread(range(0), 5) == []
    assert pictures.query_points(1, 11, 13) == [(6, 5)]
    assert len(set(pictures.query_points(7, 11, 13))) == 7


def test_pictures_are_scaled_to_a_side():
    assert pictures.scaled(np.zeros((768, 100, 3), np.uint8)).shape == (384, 50, 3)
    assert pictures.scaled(np.zeros((3, 5, 3), np.uint8)).shape == (3, 5, 3)
