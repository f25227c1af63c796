"""tools/export.py: from YAML and checkpoint to a folder that runs, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paddle_ann.deploy.configured import settings_of
from paddle_ann.deploy.runner import Bundle
from paddle_ann.session import start
from tests.tools.conftest import Refusal, call, load_tool, options


@pytest.mark.slow
def test_exports_and_the_bundle_runs(weights: Path, pictures: Path, tmp_path: Path) -> None:
    chosen = ("--model_path", str(weights), "--save_dir", "out", "--formats", "paddle")
    done = call("export", *chosen, *options(pictures), cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "paddle " in done.stdout and "100.0000%" in done.stdout
    assert "of given pictures" in done.stdout  # those of the validation data
    bundle = Bundle(tmp_path / "out")
    assert bundle.classes[0] == "background" and len(bundle.classes) == 21
    image = next(pictures.rglob("*.jpg"))
    run = [sys.executable, "out/run.py", str(image), "--output", "masks"]
    assert subprocess.run(run, cwd=tmp_path).returncode == 0
    with Image.open(tmp_path / "masks" / f"{image.name}.png") as mask, Image.open(image) as file:
        assert mask.size == file.size
        assert np.array_equal(np.asarray(mask), bundle.predict(np.asarray(file.convert("RGB"))))
    chosen = ("--model", "out", "--engines", "paddle", "--batch_size", "2")
    scored = call("val_export", *chosen, *options(pictures), cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr[-3000:]
    assert "paddle         mIoU " in scored.stdout and "the first +0.000" in scored.stdout


def parse(pictures: Path, *more: str):
    """The tool's arguments on the toy configuration, with further --opts items."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
    try:
        parser = load_tool("export").parser()
    finally:
        del sys.path[0]
    return parser.parse_args(["--model_path", "x", *options(pictures, *more)])


def test_the_configuration_tells_the_preparation(pictures: Path) -> None:
    known = settings_of(start(parse(pictures), own_weights="x"))
    assert [step["type"] for step in known["transforms"]] == ["Normalize"]
    assert len(known["images"]) == 3 and Path(known["images"][0]).is_file()
    assert known["classes"][0] == "background" and len(known["palette"]) == 21


def test_without_data_it_exports_all_the_same(pictures: Path, tmp_path: Path) -> None:
    absent = f"val_dataset.dataset_root={tmp_path / 'absent'}"
    known = settings_of(start(parse(pictures, absent), own_weights="x"))
    assert "images" not in known and known["classes"] is None


def test_training_that_normalised_otherwise_is_refused(
    refused: Refusal, pictures: Path, weights: Path
) -> None:
    args = options(pictures, "val_dataset.transforms=[{'type':'Normalize','mean':[0.4]}]")
    line = refused("export", "--model_path", str(weights), *args)
    assert "normalises the training images" in line
    assert not Path("output").exists()


def test_an_existing_folder_and_missing_files_are_refused_at_once(
    refused: Refusal, pictures: Path, weights: Path
) -> None:
    Path("out").mkdir()
    base = ("export", "--model_path", str(weights), "--save_dir", "out")
    assert "nothing is overwritten" in refused(*base, *options(pictures))
    assert "is no export" in refused(*base, "--overwrite", *options(pictures))
    missing = ("export", "--model_path", "absent.pdparams", "--save_dir", "new")
    assert "absent.pdparams does not exist" in refused(*missing, *options(pictures))
    pictures_of = ("--image_path", "absent.png")
    line = refused("export", "--model_path", str(weights), *pictures_of, *options(pictures))
    assert "absent.png does not exist" in line
