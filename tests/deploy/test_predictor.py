"""One contract for every engine and every kind of picture."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from paddle_ann.deploy import Predictor
from paddle_ann.deploy.runner import Bundle
from tests.deploy.toy import picture

RGB = picture(65, 97)


@pytest.mark.parametrize("engine", ["auto", "onnxruntime", "openvino"])
def test_every_kind_of_picture_gives_the_same(bundle, tmp_path, engine):
    if engine != "auto":
        pytest.importorskip(engine)
    predictor = Predictor(bundle, engine)
    assert predictor.engine == ("onnxruntime" if engine == "auto" else engine)
    path = tmp_path / "图 1.png"
    Image.fromarray(RGB).save(path)
    expected = Bundle(bundle).predict(RGB)
    for image in (RGB, Image.fromarray(RGB), path, str(path)):
        found = predictor(image)
        assert found.ids.shape == (65, 97) and found.ids.dtype == np.int32
        assert (found.ids == expected).mean() > 0.999 and found.probabilities is None
    several = predictor([RGB, path])
    assert len(several) == 2 and np.array_equal(several[0].ids, several[1].ids)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_give_what_one_by_one_gives_in_order(bundle, batch_size):
    sizes = [(65, 97), (31, 13), (31, 13), (65, 97), (65, 97), (65, 97), (7, 11)]
    images = [picture(*size, seed) for seed, size in enumerate(sizes)]
    predictor = Predictor(bundle, batch_size=batch_size)
    calls = []
    run = predictor.bundle.run
    predictor.bundle.run = lambda batch, output: calls.append(len(batch)) or run(batch, output)
    for found, image in zip(predictor(images, probabilities=True), images):
        assert np.array_equal(found.ids, Bundle(bundle).predict(image))
        assert np.array_equal(found.probabilities.argmax(0), found.ids)
    assert max(calls) == batch_size and sum(calls) == len(images)


def test_a_stream_reads_no_further_than_it_must(bundle):
    taken = []

    def images():
        for seed in range(5):
            taken.append(seed)
            yield picture(31, 13, seed)

    stream = Predictor(bundle, batch_size=2).stream(images())
    next(stream)
    assert taken == [0, 1]
    assert len(list(stream)) == 4


def test_confidence_and_entropy(bundle):
    found = Predictor(bundle)(RGB, probabilities=True)
    assert np.array_equal(found.confidence, found.probabilities.max(0))
    assert 0 <= found.entropy.min() and found.entropy.max() <= 1
    sure, unsure = (type(found)(found.ids, np.array(p)) for p in ([[[1.0]], [[0]]], [[[0.5]]] * 2))
    assert sure.entropy == pytest.approx(0) and unsure.entropy == pytest.approx(1)
    with pytest.raises(ValueError, match="probabilities=True"):
        _ = Predictor(bundle)(RGB).entropy


def test_a_turned_photograph_is_turned_as_paddleseg_turns_it(bundle, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif)
    assert Predictor(bundle)(tmp_path / "a.jpg").ids.shape == (97, 65)


@pytest.mark.slow
def test_only_the_engine_in_use_is_imported(bundle):
    code = (
        f"from paddle_ann.deploy import Predictor; Predictor({str(bundle)!r}, 'onnxruntime');"
        "import sys; print([n for n in ('onnxruntime', 'openvino') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "['onnxruntime']\n", done.stderr


@pytest.mark.parametrize(
    "options, message",
    [(dict(engine="torch"), "engine must be auto"), (dict(batch_size=0), "batch_size must be")],
)
def test_arguments_of_no_use_are_refused(bundle, options, message):
    with pytest.raises(ValueError, match=message):
        Predictor(bundle, **options)
    with pytest.raises(FileNotFoundError):
        Predictor(bundle / "absent")


@pytest.mark.parametrize("image", [3, None, np.zeros((5, 7)), b""])
def test_what_is_no_picture_is_refused(bundle, image):
    with pytest.raises(ValueError, match="An image must"):
        Predictor(bundle)(image)
    with pytest.raises(FileNotFoundError, match="absent.png does not exist"):
        Predictor(bundle)("absent.png")
