"""Panels: colours of errors, confidence and of which model is right; sheets of them."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_ann.engine.inference import Inference
from paddle_ann.engine.precision import choose
from paddle_ann.report import panels, pictures
from tests.report.toy import CLASSES, NAMES, Data, model

PALETTE = np.array(Data.PALETTE, np.uint8)
LABEL = np.array([[0, 1, 2], [255, 1, 0]])
A = panels.Predicted(np.array([[0, 1, 1], [3, 1, 2]]), np.full((2, 3), 0.5, np.float32))
B = panels.Predicted(np.array([[0, 2, 1], [3, 1, 0]]), np.ones((2, 3), np.float32))
RGB = np.full((2, 3, 3), 100, np.uint8)


def test_classes_and_what_is_ignored():
    drawn = pictures.colored(np.array([[0, 4], [7, 2]]), PALETTE, np.array([[0, 0], [0, 1]], bool))
    assert drawn[0].tolist() == [[200, 0, 0], [0, 200, 200]]
    assert (drawn[1] == pictures.IGNORED).all()


def test_errors_are_red_right_pixels_grey_ignored_ones_dark():
    drawn = pictures.errors(RGB, (A.ids != LABEL) & (LABEL != 255), LABEL == 255).astype(int)
    right, wrong, ignored = drawn[0, 0], drawn[0, 2], drawn[1, 0]
    assert right[0] == right[1] == right[2] == 150 and wrong[0] > 200 and wrong[1] < 80
    assert ignored.max() < 60


def test_confidence_is_darkest_at_0_and_brightest_at_1():
    drawn = pictures.confidence(np.array([[0, 0.5, 1]])).astype(int).sum(2)[0]
    assert drawn[0] < drawn[1] < drawn[2]


def test_which_is_right():
    drawn = pictures.which(A.ids == LABEL, B.ids == LABEL, LABEL == 255)
    names = [[_name(pixel) for pixel in row] for row in drawn]
    assert names == [
        ["both right", "only A right", "both wrong"],
        ["ignored", "both right", "only B right"],
    ]


def _name(pixel):
    colors = {color: name for name, color in pictures.WHICH.items()}
    return colors.get(tuple(int(c) for c in pixel), "ignored")


def test_one_model_with_and_without_a_label():
    sheet = panels.of_models(RGB, LABEL, [A], NAMES, PALETTE, 255)
    assert list(sheet.pictures) == ["image", "label", "prediction", "errors", "confidence"]
    assert "accuracy 0.600" in sheet.caption and "mean confidence 0.500" in sheet.caption
    assert [name for name, _ in sheet.legend] == [*NAMES[:4], "wrong", "ignored"]
    without = panels.of_models(RGB, None, [A], NAMES, PALETTE, 255)
    assert list(without.pictures) == ["image", "prediction", "confidence"]
    assert [name for name, _ in without.legend] == list(NAMES[:4])


def test_two_models_with_and_without_a_label():
    sheet = panels.of_models(RGB, LABEL, [A, B], NAMES, PALETTE, 255)
    assert list(sheet.pictures) == ["image", "label", "A", "B", "which is right"]
    assert "A: mean IoU" in sheet.caption and "B: mean IoU" in sheet.caption
    without = panels.of_models(RGB, None, [A, B], NAMES, PALETTE, 255)
    assert list(without.pictures) == ["image", "A", "B", "where they differ"]
    assert without.caption == "they differ in 33.3% of the pixels"


def test_a_sheet_has_its_pictures_side_by_side():
    large = [np.kron(part, np.ones((37, 37), part.dtype)) for part in (LABEL, A.ids)]
    found = panels.Predicted(large[1], np.full(large[1].shape, 0.5, np.float32))
    sheet = panels.of_one(RGB, large[0], found, NAMES, PALETTE, 255)
    drawn = np.asarray(panels.draw(sheet, "图/a.png", height=74))
    assert drawn.shape[1] >= 5 * 111 and drawn.shape[2] == 3
    colors = {tuple(int(c) for c in color) for color in drawn.reshape(-1, 3)}
    assert colors >= {tuple(color) for color in Data.PALETTE[:4]}


def test_a_model_predicts_as_in_an_evaluation_and_is_refused_with_other_classes():
    network, sample = model(), Data()[0]
    inference = Inference(choose("fp32", "O1"))
    found = panels.predict(network, sample, inference, CLASSES)
    assert found.ids.shape == (37, 41) and set(np.unique(found.ids)) <= set(range(4))
    assert 0.25 <= found.confidence.min() and found.confidence.max() <= 1
    with pytest.raises(ValueError, match="gives 5 classes, and the data set has 21"):
        panels.predict(network, sample, inference, 21)


def test_urls_and_small_pictures():
    photo = np.random.default_rng(0).integers(0, 255, (31, 59, 3)).astype(np.uint8)
    assert pictures.data_url(photo, photo=True).startswith("data:image/jpeg;base64,")
    assert pictures.data_url(photo, photo=False).startswith("data:image/png;base64,")
    assert pictures.shrink(photo, 29, smooth=True).shape == (15, 29, 3)
    ids = np.arange(300, dtype=np.uint16).repeat(7).reshape(300, 7)
    assert set(np.unique(pictures.shrink(ids, 100, smooth=False))) <= set(range(300))
    assert pictures.shrink(photo, 59, smooth=True) is photo


def test_a_data_set_without_files_shows_what_the_network_gets():
    drawn = pictures.image_of(Data(), 1)
    assert drawn.shape == (31, 43, 3) and drawn.min() == 0 and drawn.max() == 255
