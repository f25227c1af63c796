"""Bytes in, numbers out: counted by hand, and spoiled in every format."""

from __future__ import annotations

import numpy as np
import pytest
from starlette.exceptions import HTTPException

from paddle_ann.datasets.images import FORMATS
from paddle_ann.deploy import Prediction, Predictor
from paddle_ann.serve.results import describe, summarise
from paddle_ann.serve.segmenting import Segmenter
from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.deploy.toy import picture
from tests.serve.conftest import png_of


def test_areas_and_confidence_by_hand():
    found = Prediction(
        ids=np.array([[2, 0, 2], [2, 0, 2]], np.int32),
        confidence=np.array([[0.5, 1, 0.25], [0.25, 0.5, 1]], np.float32),
    )
    classes, mean = summarise(found, 4)
    assert classes == [
        {"pixels": 2, "area": 2 / 6, "confidence": 0.75},
        {"pixels": 0, "area": 0, "confidence": None},
        {"pixels": 4, "area": 4 / 6, "confidence": 0.5},
        {"pixels": 0, "area": 0, "confidence": None},
    ]
    assert mean == pytest.approx(3.5 / 6)
    classes, mean = summarise(Prediction(ids=found.ids), 3)
    assert [one["pixels"] for one in classes] == [2, 0, 4]
    assert mean is None and {one["confidence"] for one in classes} == {None}


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    folder = make_bundle(tmp_path_factory.mktemp("spoil") / "bundle", DESCRIPTION)
    return Segmenter(Predictor(folder, "onnxruntime"), 5000)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read_and_survives_being_spoiled(segmenter, format):
    """Bytes replaced, cut off, repeated: an answer, or a refusal that says why."""
    good = png_of(picture(29, 41), format)
    assert describe(segmenter(good, ["ids"]), [{}] * 5)["width"] == 41
    random, codes = np.random.RandomState(7), set()
    for _ in range(60):
        spoiled = bytearray(good)
        for place in random.randint(0, min(len(good), random.choice([20, 200, 9999])), 4):
            spoiled[place] = random.choice([0, 1, 127, 128, 255, random.randint(256)])
        if random.rand() < 0.4:
            cut = random.randint(len(good))
            spoiled = spoiled[:cut] + spoiled[cut // 2 :] * random.randint(2)
        try:
            segmenter(bytes(spoiled), ["ids", "confidence"])
        except HTTPException as error:
            assert error.detail and "PADDLE_ANN" not in error.detail
            codes.add(error.status_code)
    assert codes and codes <= {400, 413, 415, 422}
