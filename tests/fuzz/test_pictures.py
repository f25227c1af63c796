"""Images and masks of any kind: trained on, or refused by file name; and pictures from outside."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from paddleseg.core import predict
from paddleseg.datasets import Dataset
from paddleseg.transforms import Compose, Normalize
from PIL import Image

from paddle_ann.compat.samples import NamingDataset
from paddle_ann.datasets.check import check_dataset
from paddle_ann.datasets.images import read_untrusted
from tests.compat import tiny
from tests.fuzz.outcome import attempt
from tests.fuzz.pictures import files
from tests.fuzz.profiles import fuzz

SHAPE = (37, 41)
NAMES = st.sampled_from(["a.png", "a.jpg", "a.tif", "a", "城 a.png"])


def reading(folder: Path, image: bytes | None, mask: bytes | None, name: str) -> Dataset:
    """A data set of one sample; None stands for a file that is as it should be."""
    for kind, content, whole in (
        ("image", image, np.zeros((*SHAPE, 3), np.uint8)),
        ("mask", mask, np.ones(SHAPE, np.uint8)),
    ):
        path = folder / f"{kind} {name}"
        if content is None:
            Image.fromarray(whole).save(path, "PNG")
        else:
            path.write_bytes(content)
    (folder / "list.txt").write_text(f"image {name},mask {name}\n", encoding="utf-8")
    where = {"dataset_root": str(folder), "train_path": str(folder / "list.txt"), "separator": ","}
    return Dataset(mode="train", transforms=[Normalize()], num_classes=21, **where)


@fuzz(
    fast=60,
    slow=3000,
    image=files(),
    mask=files(),
    which=st.sampled_from(["image", "mask", "both"]),
    name=NAMES,
)
def test_training_data(tmp_path, child, image, mask, which, name):
    given = None if which == "mask" else image, None if which == "image" else mask
    child.call(train_on, tmp_path, *given, name)


def train_on(folder: Path, image: bytes | None, mask: bytes | None, name: str) -> None:
    dataset = reading(folder, image, mask, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own, about odd metadata
        checked = attempt("picture: check", lambda: check_dataset(dataset))
        sample = attempt("picture: sample", lambda: NamingDataset(dataset)[0])
    if isinstance(sample, dict):
        assert sample["img"].shape[0] == 3 and sample["img"].shape[1:] == sample["label"].shape
        assert sample["img"].dtype == np.float32 and sample["label"].ndim == 2
    # What is checked completely is what can be read.
    assert isinstance(checked, Exception) or not isinstance(sample, Exception), sample


@fuzz(fast=40, slow=2000, content=files())
def test_untrusted(content):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = attempt("picture: untrusted", lambda: read_untrusted(content, max_pixels=10**6))
    assert isinstance(found, Exception) or (found.dtype == np.uint8 and found.ndim == 3)


@fuzz(fast=10, slow=400, content=files(), name=NAMES | st.just("\udce9.png"))
def test_prediction(tmp_path, child, weights, content, name):
    child.call(predict_on, tmp_path, weights, content, name)


def predict_on(folder: Path, weights: str, content: bytes, name: str) -> None:
    path = folder / name
    path.write_bytes(content)

    def run() -> None:
        predict(
            tiny.tiny_model(),
            model_path=weights,
            transforms=Compose([Normalize()]),
            image_list=[str(path)],
            save_dir=str(folder / "out"),
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attempt("picture: predict", run)
