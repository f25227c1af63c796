"""One contract for every engine and every kind of picture."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from paddle_ann.deploy import Predictor, reading, writing
from paddle_ann.deploy.prediction import KEEP, entropy
from paddle_ann.deploy.reading import RowFile
from paddle_ann.deploy.runner import Bundle
from tests.deploy.conftest import DESCRIPTION
from tests.deploy.toy import picture

RGB = picture(65, 97)


@pytest.mark.parametrize("engine", ["auto", "onnxruntime", "openvino"])
def test_every_kind_of_picture_gives_the_same(bundle, tmp_path, engine):
    if engine != "auto":
        pytest.importorskip(engine)
    predictor = Predictor(bundle, engine)
    assert engine in ("auto", predictor.engine)  # which one auto takes: test_choosing.py
    path = tmp_path / "图 1.png"
    Image.fromarray(RGB).save(path)
    expected = Bundle(bundle).predict(RGB)
    for image in (RGB, Image.fromarray(RGB), path, str(path)):
        found = predictor(image)
        assert found.ids.shape == (65, 97) and found.ids.dtype == np.int32
        assert (found.ids == expected).mean() > 0.999 and not hasattr(found, "probabilities")
    several = predictor([RGB, path])
    assert len(several) == 2 and np.array_equal(several[0].ids, several[1].ids)


@pytest.mark.parametrize(
    "name, batch_size, batches",
    [
        ("bundle", 2, [2, 2, 2, 1]),  # all are resized to one size
        ("bundle", 5, [5, 2]),
        ("plain_bundle", 1, [1] * 7),
        ("plain_bundle", 2, [1, 2, 2, 1, 1]),
        ("plain_bundle", 5, [1, 2, 3, 1]),
    ],
)
def test_batches_give_what_one_by_one_gives_in_order(request, name, batch_size, batches):
    folder = request.getfixturevalue(name)
    sizes = [(65, 97), (31, 13), (31, 13), (65, 97), (65, 97), (65, 97), (7, 11)]
    images = [picture(*size, seed) for seed, size in enumerate(sizes)]
    predictor = Predictor(folder, batch_size=batch_size)
    calls = []
    run = predictor.bundle.run
    predictor.bundle.run = lambda batch, output: calls.append(len(batch)) or run(batch, output)
    results = predictor(images, "probabilities")
    assert calls == batches and len(results) == len(images)
    for found, image in zip(results, images):
        assert np.array_equal(found.ids, Bundle(folder).predict(image))
        assert np.array_equal(found.probabilities.argmax(0), found.ids)


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


def test_what_is_asked_for_is_kept(bundle):
    predictor = Predictor(bundle)
    found = predictor(RGB, KEEP)
    assert found.scores.shape == (5, 65, 97) and np.array_equal(found.scores.argmax(0), found.ids)
    assert found.probabilities == pytest.approx(Bundle(bundle).probabilities(RGB), abs=1e-6)
    assert np.array_equal(found.confidence, found.probabilities.max(0))
    assert found.entropy == pytest.approx(entropy(found.probabilities))
    assert list(vars(predictor(RGB, "entropy"))) == ["ids", "entropy"]
    with pytest.raises(AttributeError, match="holds ids, entropy; ask for confidence"):
        _ = predictor(RGB, ["entropy"]).confidence
    for keep in ("logits", ["ids"], 3, None):
        with pytest.raises(ValueError, match="keep must be of"):
            predictor.stream([RGB], keep)


def test_entropy_by_hand():
    shares = np.array([[[1.0, 0.5, 0.25]], [[0, 0.5, 0.75]]], np.float32)
    third = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))
    assert entropy(shares) == pytest.approx(np.array([[0, 1, third]]))
    assert np.array_equal(entropy(np.ones((1, 2, 3), np.float32)), np.zeros((2, 3)))


def test_flips_and_scales_are_averaged(bundle):
    """The network is a 1x1 convolution, so that flips change nothing, and scales but little."""
    plain = Predictor(bundle)(RGB, "probabilities").probabilities
    flipped = Predictor(bundle, flip_horizontal=True, flip_vertical=True)(RGB, "probabilities")
    assert flipped.probabilities == pytest.approx(plain, abs=0.05)
    scaled = Predictor(bundle, scales=[0.5, 1.0])(RGB, "probabilities").probabilities
    assert not np.allclose(scaled, plain, atol=1e-3) and np.abs(scaled - plain).mean() < 0.05
    with pytest.raises(ValueError, match="Ask for probabilities"):
        Predictor(bundle, scales=[0.5])(RGB, "scores")


@pytest.mark.parametrize("source", ["array", "file", "spooled"])
def test_tiles_give_what_the_whole_picture_gives(plain_bundle, tmp_path, monkeypatch, source):
    if source != "array":
        Image.fromarray(RGB).save(tmp_path / "a.png")
    if source == "spooled":
        monkeypatch.setattr(reading, "_ROWS", 13)
        monkeypatch.setattr(reading.open_rows, "__defaults__", (100,))
    image = RGB if source == "array" else tmp_path / "a.png"
    whole = Predictor(plain_bundle)(RGB, KEEP)
    predictor = Predictor(plain_bundle, tile=31, overlap=0.3, batch_size=2)
    assert isinstance(predictor.prepare(image).rows, RowFile) == (source == "spooled")
    found = predictor(image, ["probabilities", "entropy"])
    assert found.ids.shape == (65, 97) and found.ids.dtype == np.int32
    assert found.probabilities == pytest.approx(whole.probabilities, abs=1e-5)
    assert found.entropy == pytest.approx(whole.entropy, abs=1e-5)
    assert (found.ids == whole.ids).mean() > 0.999
    bands = list(predictor.bands(predictor.prepare(image)))
    assert predictor.count_bands(predictor.prepare(image)) == 3
    assert [top for top, _ in bands] == [0, 22, 34] and bands[1][1].ids.shape == (12, 97)


def test_without_tiles_all_rows_come_at_once(bundle):
    predictor = Predictor(bundle)
    [(top, band)] = predictor.bands(predictor.prepare(RGB))
    assert top == 0 and np.array_equal(band.ids, predictor(RGB).ids)


def test_tiles_are_refused_where_the_export_resizes_or_has_no_scores(bundle, plain_bundle):
    with pytest.raises(ValueError, match="exported with Resize.*transforms=.*Normalize"):
        Predictor(bundle, tile=31)
    description = {**DESCRIPTION, "outputs": ["argmax"]}
    writing.write_description(plain_bundle, description)
    with pytest.raises(ValueError, match="has class numbers alone"):
        Predictor(plain_bundle, tile=31)
    with pytest.raises(ValueError, match="has class numbers alone"):
        Predictor(plain_bundle)(RGB, "entropy")


@pytest.mark.parametrize("ending, size", [("jpg", (97, 65)), ("png", (97, 65)), ("webp", (65, 97))])
def test_a_turned_photograph_is_turned_as_opencv_turns_it(bundle, tmp_path, ending, size):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / f"a.{ending}"
    Image.fromarray(RGB).save(path, exif=exif)
    predictor = Predictor(bundle)
    with Image.open(path) as image:
        assert predictor(image).ids.shape == predictor(path).ids.shape == size
    assert reading.open_rows(path, large=1).shape == (*size, 3)


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
    [
        (dict(engine="torch"), "engine must be auto"),
        (dict(batch_size=0), "batch_size must be"),
        (dict(tile=0), "tile must be"),
    ],
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
