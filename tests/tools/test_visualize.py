"""tools/visualize.py: pictures of validation images, the worst, other images, two models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tools.conftest import Refusal, options
from tests.tools.reporting import call_here, save_weights

NAMES = [f"VOC2012/JPEGImages/toy_val_{index:05d}.jpg.png" for index in range(3)]


@pytest.fixture(scope="module")
def weights(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    save_weights(pictures, folder / "a", 3)
    save_weights(pictures, folder / "b", 5)
    return folder


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def test_validation_images_and_nothing_is_overwritten(
    pictures: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ("--model_path", weights / "a", "--save_dir", tmp_path, "--height", "59")
    assert call_here("visualize", *args, *options(pictures)) == 0
    assert written(tmp_path) == NAMES
    with Image.open(tmp_path / NAMES[0]) as picture:
        assert picture.size[0] > 5 * 59 and len(np.unique(np.asarray(picture))) > 50
    before = (tmp_path / NAMES[0]).read_bytes()
    assert call_here("visualize", *args, "--indices", "0", *options(pictures)) == 2
    assert "nothing is overwritten" in capsys.readouterr().err
    again = ("--overwrite", "--indices", "0", *options(pictures))
    assert call_here("visualize", *args, *again) == 0
    assert (tmp_path / NAMES[0]).read_bytes() == before


def test_the_worst_of_a_report(pictures: Path, weights: Path, tmp_path: Path) -> None:
    import json

    model = ("--model_path", weights / "a")
    assert call_here("val", *model, "--report", tmp_path / "r", *options(pictures)) == 0
    args = ("--save_dir", tmp_path / "out", "--worst_of", tmp_path / "r", "--num_images", "1")
    assert call_here("visualize", *model, *args, *options(pictures)) == 0
    report = json.loads((tmp_path / "r/report.json").read_text(encoding="utf-8"))
    assert written(tmp_path / "out") == [f"{report['worst'][0]['image']}.png"]


def test_images_without_labels_and_two_models(
    pictures: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    image = next(pictures.rglob("toy_val_00001.jpg"))
    args = ("--model_path", weights / "a", "--image_path", image, "--save_dir", tmp_path)
    both = ("--compare", weights / "b", *options(pictures))
    assert call_here("visualize", *args, *both) == 0
    assert written(tmp_path) == ["toy_val_00001.jpg.png"]
    assert "they differ in" in capfd.readouterr().out


def test_two_models_of_two_configurations(
    pictures: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The second one from its own YAML: the same network under another name gives the same."""
    args = options(pictures)
    config = tmp_path / "other.yml"
    config.write_text(
        f"_base_: {args[1]}\nmodel:\n  inter_channels: 16\n  key_value_channels: 8\n"
        f"train_dataset:\n  dataset_root: {pictures}\nval_dataset:\n  dataset_root: {pictures}\n"
    )
    same = ("--compare", weights / "a", "--compare_config", config, "--indices", "2")
    out = ("--save_dir", tmp_path / "out", "--model_path", weights / "a")
    assert call_here("visualize", *out, *same, *args) == 0
    assert written(tmp_path / "out") == NAMES[2:]
    a, b = capfd.readouterr().out.rpartition("A: ")[2].split("B: ")
    assert a.strip() == b.strip() and "mean IoU" in a


def test_what_is_refused(refused: Refusal, pictures: Path, weights: Path, tmp_path: Path) -> None:
    model, toy = ("--model_path", str(weights / "a")), options(pictures)
    assert "--indices 3 is none of the 3" in refused("visualize", *model, "--indices", "3", *toy)
    assert "only with --compare" in refused("visualize", *model, "--compare_config", "x", *toy)
    assert "--compare none" in refused("visualize", *model, "--compare", "none", *toy)
    assert "val.py --report" in refused("visualize", *model, "--worst_of", "none", *toy)
    (tmp_path / "file").write_text("mine")
    assert "is a file" in refused("visualize", *model, "--save_dir", "file", *toy)
