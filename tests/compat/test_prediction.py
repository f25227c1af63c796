"""Guards of predict and evaluate, weights that are not the model's, downloads, the builder."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import paddle
import paddleseg.transforms as T
import pytest
from paddleseg import utils
from paddleseg.core import evaluate, infer, predict
from paddleseg.cvlibs import manager
from paddleseg.cvlibs.builder import Builder
from PIL import Image

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


@pytest.mark.parametrize(
    "scales", [0, -1.0, [], "1", None, float("inf"), float("nan"), 1e-9, [1, 21]]
)
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
        ({"crop_size": ("a", "b"), "stride": (8, 8)}, r"crop_size=.*\('a', 'b'\)"),
        ({"crop_size": (8, 8), "stride": [4, None]}, r"stride=.*\[4, None\]"),
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
