"""What a user gets wrong is said in one line before the first iteration; nothing is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from tests.tools.conftest import Refusal, options

LISTS = "VOC2012/ImageSets/Segmentation"


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def train(refused: Refusal, data: Path, *more: str, batch_size: int = 2) -> str:
    args = ["--iters", "2", "--save_dir", "out", *more]
    message = refused("train", *options(data, f"batch_size={batch_size}"), *args)
    print(message)  # pytest -rP shows how they read
    return message


def first(data: Path, kind: str) -> Path:
    """The image or mask of the first training sample."""
    stem = (data / LISTS / "train.txt").read_text().split()[0]
    return next((data / "VOC2012" / kind).glob(f"{stem}.*"))


def test_data_root_missing(refused: Refusal, tmp_path: Path) -> None:
    message = train(refused, tmp_path / "gone")
    assert "gone" in message and "--download" in message
    assert tree(tmp_path) == {}


def test_data_root_empty(refused: Refusal, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in train(refused, tmp_path / "empty")
    assert tree(tmp_path) == {}


def test_list_missing(refused: Refusal, data: Path) -> None:
    (data / LISTS / "train.txt").unlink()
    assert "train.txt" in train(refused, data)


def test_image_missing(refused: Refusal, data: Path) -> None:
    image = first(data, "JPEGImages")
    image.unlink()
    assert image.name in train(refused, data)


@pytest.mark.parametrize("keep", [0, 100, 0.5], ids=["empty", "head", "half"])
def test_image_damaged(refused: Refusal, data: Path, keep: float) -> None:
    image = first(data, "JPEGImages")
    content = image.read_bytes()
    image.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    before = tree(data)
    assert image.name in train(refused, data)
    assert tree(data) == before


def test_mask_missing(refused: Refusal, data: Path) -> None:
    mask = first(data, "SegmentationClass")
    mask.unlink()
    assert mask.name in train(refused, data)


def test_mask_of_another_size(refused: Refusal, data: Path) -> None:
    mask = first(data, "SegmentationClass")
    Image.open(mask).resize((52, 41)).save(mask)
    message = train(refused, data)
    assert mask.name in message and "52" in message and "53" in message


def test_mask_in_colours(refused: Refusal, data: Path) -> None:
    mask = first(data, "SegmentationClass")
    Image.open(mask).convert("RGB").save(mask)
    assert mask.name in train(refused, data)


def test_label_out_of_range(refused: Refusal, data: Path) -> None:
    mask = first(data, "SegmentationClass")
    label = np.asarray(Image.open(mask)).copy()
    label[0, 0] = 21
    Image.fromarray(label).save(mask)
    message = train(refused, data)
    assert mask.name in message and "21" in message


@pytest.mark.parametrize("name", ["blank", "crlf"])
def test_odd_lists_simply_work(refused: Refusal, data: Path, name: str) -> None:
    """They get past the data: what stops them is the step after it, a batch that is too big."""
    path = data / LISTS / "train.txt"
    text = path.read_text()
    path.write_bytes((text + "\n\n" if name == "blank" else text.replace("\n", "\r\n")).encode())
    message = train(refused, data, batch_size=8)
    assert "8" in message and "7" in message


def test_spaces_and_chinese_characters_simply_work(refused: Refusal, data: Path) -> None:
    path = data / LISTS / "train.txt"
    stems = path.read_text().split()
    for kind in ("JPEGImages", "SegmentationClass"):
        file = first(data, kind)
        file.rename(file.with_name(f"城市 一{file.suffix}"))
    path.write_text("\n".join(["城市 一", *stems[1:]]) + "\n", encoding="utf-8")
    message = train(refused, data, batch_size=8)
    assert "8" in message and "7" in message


def test_batch_larger_than_the_data_set(refused: Refusal, data: Path) -> None:
    message = train(refused, data, batch_size=8)
    assert "batch" in message and "8" in message and "7" in message


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_transform_that_fails(refused: Refusal, data: Path, workers: str) -> None:
    # A padding to less than the image: fails in the loader, in PaddleSeg's own words.
    transforms = "train_dataset.transforms=[{'type': 'Padding', 'target_size': [9, 9]}]"
    message = refused(
        "train",
        *options(data, transforms),
        "--iters",
        "2",
        "--save_dir",
        "out",
        "--num_workers",
        workers,
    )
    assert "size" in message.lower()


@pytest.mark.parametrize("path", ["x" * 300, "a/" * 300, "VOC/../new"])
def test_save_dir_that_cannot_be_made(refused: Refusal, data: Path, path: str) -> None:
    assert "save_dir" in train(refused, data, "--save_dir", path)


def test_save_dir_is_a_file(refused: Refusal, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "results.txt"
    file.write_text("years of work")
    message = refused("train", *options(data), "--iters", "2", "--save_dir", str(file))
    assert "results.txt" in message
    assert file.read_text() == "years of work"


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("model.num_classes=20", ["num_classes", "20", "21"]),
        ("model.type=ANM", ["'ANM'", "'ANN'"]),
        ("model.psp=[1]", ["'psp'", "'psp_size'"]),
        ("modle.type=ANN", ["'modle'", "'model'"]),
        ("loss.coef=[1]", ["loss", "coef"]),
        ("model.psp_size=[0]", ["psp_size", "0"]),
        (
            "model.backbone.pretrained=https://example.invalid/w.tar.gz",
            ["https://example.invalid/w.tar.gz", "--download", "model.backbone.pretrained=None"],
        ),
    ],
)
def test_configuration(refused: Refusal, data: Path, item: str, words: list[str]) -> None:
    message = refused("train", *options(data, item), "--iters", "2", "--save_dir", "out")
    for word in words:
        assert word in message


@pytest.mark.parametrize("seed", ["-1", str(2**31)])
def test_seed(refused: Refusal, data: Path, seed: str) -> None:
    message = train(refused, data, "--seed", seed)
    assert f"seed must be from 0 to 2147483647; received {seed}" in message


def test_resume_from_what_is_no_checkpoint(refused: Refusal, data: Path, tmp_path: Path) -> None:
    for name in ("gone", "x" * 300):
        assert f"{name} does not exist" in train(refused, data, "--resume_model", name)
    folder = tmp_path / "best_model"
    folder.mkdir()
    paddle.save({"a": paddle.ones([2])}, str(folder / "model.pdparams"))
    assert "model.pdopt" in train(refused, data, "--resume_model", "best_model")
    (folder / "model.pdopt").write_bytes(b"x")
    assert "must end in _N" in train(refused, data, "--resume_model", "best_model")
    folder.rename(tmp_path / "iter_3")
    assert "model.pdopt cannot be read" in train(refused, data, "--resume_model", "iter_3")


def test_weights_that_do_not_fit(refused: Refusal, data: Path, tmp_path: Path) -> None:
    val = ["val", *options(data), "--model_path"]
    assert "gone.pdparams does not exist" in refused(*val, "gone.pdparams")
    (tmp_path / "cut.pdparams").write_bytes(b"\x80\x04\x95")
    assert "cut.pdparams cannot be read" in refused(*val, "cut.pdparams")
    paddle.save({"a": paddle.ones([2])}, str(tmp_path / "other.pdparams"))
    message = refused(*val, "other.pdparams")
    assert "other.pdparams" in message and "missing" in message


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--scales", "0.5"], ["--aug_pred"]),
        (["--is_slide"], ["--crop_size", "--stride"]),
        (["--custom_color", "1", "2"], ["--custom_color", "2 values"]),
        (["--custom_color", "1", "2", "256"], ["256"]),
        (["--image_path", "gone"], ["image_path"]),
    ],
)
def test_predict(
    refused: Refusal, data: Path, tmp_path: Path, more: list[str], words: list[str]
) -> None:
    paddle.save({"a": paddle.ones([2])}, str(tmp_path / "w.pdparams"))
    image = str(first(data, "JPEGImages"))
    message = refused(
        "predict", *options(data), "--model_path", "w.pdparams", "--image_path", image, *more
    )
    for word in words:
        assert word in message
