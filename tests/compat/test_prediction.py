"""Guards of predict and evaluate, weights that are not the model's, downloads, the builder."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys

import paddle
import paddleseg.transforms as T
import pytest
import requests
from paddleseg import utils
from paddleseg.core import evaluate, infer, predict
from paddleseg.cvlibs import manager
from paddleseg.cvlibs.builder import Builder
from paddleseg.datasets import ADE20K, PascalVOC
from paddleseg.utils import download
from PIL import Image

import paddle_ann.compat.downloads as consent
from tests.compat import tiny


@pytest.fixture
def root(tmp_path):
    return tiny.write_voc(tmp_path / "voc", ["a", "b"])


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "model.pdparams"
    paddle.save(tiny.tiny_model().state_dict(), str(path))
    return path


@pytest.fixture
def run(root, weights, tmp_path):
    def call(**given):
        arguments = {
            "model_path": str(weights),
            "transforms": T.Compose([T.Normalize()]),
            "image_list": [str(root / "VOC2012/JPEGImages/a.jpg")],
            "save_dir": str(tmp_path / "out"),
        }
        model = given.pop("model", None) or tiny.tiny_model()
        return predict(model, **{**arguments, **given})

    return call


def test_int_scales_are_floats(run, tmp_path):
    run(aug_pred=True, scales=1)
    assert (tmp_path / "out/pseudo_color_prediction/a.png").is_file()
    x = paddle.ones([1, 3, 5, 7])
    one, several = (
        infer.aug_inference(tiny.tiny_model(), x, [("resize", (5, 7))], scales=s)[0]
        for s in (1, [1, 2.0])
    )
    assert one.shape == several.shape == [1, 1, 5, 7]


@pytest.mark.parametrize("scales", [0, -1.0, [], "1", None])
def test_bad_scales(run, scales):
    with pytest.raises(ValueError, match="scales must be"):
        run(aug_pred=True, scales=scales)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "crop_size=.*None"),
        ({"crop_size": (8, 8)}, "stride=.*None"),
        ({"crop_size": (8, 8), "stride": (8,)}, "stride"),
        ({"crop_size": (8, 8), "stride": (9, 8)}, "gaps"),
    ],
)
def test_sliding_windows_need_their_sizes(run, root, given, message):
    with pytest.raises(ValueError, match=message):
        run(is_slide=True, **given)
    with pytest.raises(ValueError, match=message):
        evaluate(tiny.tiny_model(), tiny.voc(root, "val"), is_slide=True, **given)


def test_predict_needs_weights(run, tmp_path):
    with pytest.raises(ValueError, match="random weights"):
        run(model_path=None)
    with pytest.raises(FileNotFoundError, match="gone.pdparams"):
        run(model_path=str(tmp_path / "gone.pdparams"))
    assert not (tmp_path / "out").exists()


def test_weights_of_another_model(run, tmp_path, weights):
    with pytest.raises(ValueError, match=r"(?s)other shape: 2\).*conv.bias +\[21\] +\[5\]"):
        run(model=tiny.tiny_model(num_classes=5))
    paddle.save({"norm.weight": paddle.ones([3])}, str(weights))
    with pytest.raises(ValueError, match=r"conv.weight +- +\[21, 3, 1, 1\] +missing"):
        run()


def test_a_models_own_pretrained_weights_may_be_partial(weights):
    class Own(type(tiny.tiny_model())):
        def load(self, path):
            utils.load_entire_model(self, path)

    model = Own()
    model.conv, model.num_classes = paddle.nn.Conv2D(3, 5, 1), 5
    model.load(str(weights))
    with pytest.raises(ValueError, match="conv.weight"):
        utils.utils.load_entire_model(model, str(weights))


def test_images_that_would_overwrite_each_other(run, root):
    folder = root / "VOC2012/JPEGImages"
    (folder / "a.png").write_bytes((folder / "a.jpg").read_bytes())
    with pytest.raises(ValueError, match="a.jpg and .*a.png would both"):
        run(image_list=[str(folder / "a.jpg"), str(folder / "a.png")])
    with pytest.raises(FileNotFoundError, match="c.jpg does not exist"):
        run(image_list=[str(folder / "a.jpg"), str(folder / "c.jpg")])
    with pytest.raises(ValueError, match="image_list is empty"):
        run(image_list=[])


@pytest.mark.parametrize("folder", [".", "a", "./a/", "a/a"])
def test_the_folders_name_is_cut_once(run, root, tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    image = tmp_path / "a/a/a.jpg"
    image.parent.mkdir(parents=True)
    (root / "VOC2012/JPEGImages/a.jpg").rename(image)
    path = os.path.join(folder, os.path.relpath(image, folder))
    run(image_list=[path], image_dir=folder)
    below = {".": "a/a/a", "a/a": "a"}.get(folder, "a/a")
    assert (tmp_path / f"out/pseudo_color_prediction/{below}.png").is_file()
    assert (tmp_path / f"out/added_prediction/{below}.jpg").is_file()


def test_more_processes_than_images():
    from sys import modules

    partition = modules["paddleseg.core.predict"].partition_list
    assert partition(["a", "b"], 4) == [["a"], ["b"], [], []]
    assert partition(["a", "b", "c"], 2) == [["a", "b"], ["c"]]


# -- downloads ------------------------------------------------------------------------------------


@pytest.fixture
def offline(monkeypatch):
    asked = []

    def get(url, **kwargs):
        asked.append(url)
        raise ConnectionError(url)

    monkeypatch.setattr(requests, "get", get)
    monkeypatch.delenv("PADDLE_ANN_DOWNLOAD", raising=False)
    yield asked
    consent.allow_downloads(None)


def datasets_that_download():
    for name, kind in sorted(manager.DATASETS.components_dict.items()):
        module = __import__(kind.__module__, fromlist=["x"])
        if kind.__module__.startswith("paddleseg.") and hasattr(
            module, "download_file_and_uncompress"
        ):
            yield pytest.param(kind, id=name)


@pytest.mark.parametrize("kind", list(datasets_that_download()))
def test_no_data_set_is_downloaded_without_consent(kind, offline, tmp_path):
    root = tmp_path / "mistyped"
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(FileNotFoundError, match="mistyped does not exist.*://.*--download"):
        kind(**{name: [] for name in _needed(kind)}, dataset_root=str(root))
    assert offline == [] and sorted(os.listdir(tmp_path)) == before


def _needed(kind):
    return [name for name in inspect.signature(kind).parameters if "transforms" in name]


def test_no_weights_without_consent_but_from_the_cache(offline, tmp_path, monkeypatch):
    monkeypatch.setattr(utils.utils.seg_env, "PRETRAINED_MODEL_HOME", str(tmp_path))
    url = "https://example.com/models/tiny/model.pdparams"
    model = tiny.tiny_model()
    with pytest.raises(FileNotFoundError, match=r"example.com.*allow_downloads\(\)"):
        utils.load_pretrained_model(model, url)
    assert offline == [] and os.listdir(tmp_path) == []
    (tmp_path / "tiny").mkdir()
    paddle.save(tiny.tiny_model().state_dict(), str(tmp_path / "tiny/model.pdparams"))
    utils.load_pretrained_model(model, url)


@pytest.mark.parametrize("way", ["call", "environment"])
def test_with_consent_it_asks_and_leaves_nothing_half(offline, tmp_path, monkeypatch, way):
    if way == "call":
        consent.allow_downloads()
    else:
        monkeypatch.setenv("PADDLE_ANN_DOWNLOAD", "1")
    with pytest.raises(ConnectionError):
        PascalVOC([], dataset_root=str(tmp_path / "voc"))
    assert len(offline) == 1 and os.listdir(tmp_path) == []
    consent.allow_downloads(False)
    with pytest.raises(FileNotFoundError):
        ADE20K([], dataset_root=str(tmp_path / "ade"))


def test_an_error_page_is_no_download(offline, tmp_path, monkeypatch):
    class Page:
        headers = {"content-length": "3"}

        def raise_for_status(self):
            raise OSError("404")

        def iter_content(self, chunk_size):
            yield b"404"

    consent.allow_downloads()
    monkeypatch.setattr(requests, "get", lambda url, **kwargs: Page())
    with pytest.raises(OSError, match="404"):
        download._download_file("https://example.com/x.tar", str(tmp_path / "x.tar"), False)
    assert os.listdir(tmp_path) == []


# -- the builder ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "words"), [("a", "ending ''"), ("thin.png", "1x7 pixels")])
def test_images_of_which_no_picture_comes(run, tmp_path, name, words):
    path = tmp_path / name
    Image.new("RGB", (1, 7) if name == "thin.png" else (5, 7)).save(path, "PNG")
    with pytest.raises(ValueError, match=f"The image {path} .*{words}"):
        run(image_list=[str(path)])


IN_CHILD = """
import os, sys
import paddle_ann
from paddleseg.core import predict
from paddleseg.transforms import Compose
from tests.compat import tiny
weights, image, out = sys.argv[1:]
model = tiny.tiny_model()
try:
    predict(model, model_path=weights, transforms=Compose([]), image_list=[image], save_dir=out)
except ValueError as error:
    print(ascii(str(error)))
"""


@pytest.mark.parametrize("odd", ["The image", "save_dir"])
def test_names_that_are_no_utf_8(weights, root, tmp_path, odd):
    """OpenCV's Python binding takes the process down on them: hence a child."""
    image, out = root / "VOC2012/JPEGImages/a.jpg", os.fsencode(tmp_path / "out")
    if odd == "save_dir":
        out = os.fsencode(tmp_path) + b"/caf\xe9"
    else:
        image = image.rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))
    found = subprocess.run(
        [sys.executable, "-c", IN_CHILD, weights, image, out], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert re.search(rf"{odd} .*caf\\+udce9.* is not in UTF-8.*Rename it", found.stdout)


def test_unknown_components_are_given_a_hint():
    builder = Builder(None, [manager.LOSSES])
    with pytest.raises(ValueError, match="'CrossEntropyLos'. Did you mean CrossEntropyLoss"):
        builder.load_component_class("CrossEntropyLos")
    with pytest.raises(ValueError, match="Known: .*DiceLoss"):
        builder.load_component_class("zzzzz")
