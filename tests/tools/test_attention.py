"""tools/attention.py, as a user would run it, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tools.conftest import Refusal, call, options


@pytest.mark.slow
def test_writes_pages_pictures_and_arrays(weights: Path, pictures: Path, tmp_path: Path) -> None:
    images = sorted(pictures.rglob("*.jpg"))[:2]
    words = ["--model_path", str(weights), "--save_dir", "out", "--formats", "html", "png", "npz"]
    words += ["--image_path", *map(str, images), "--points", "3,5", "52,40"]
    done = call("attention", *words, *options(pictures), cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    for image in images:
        for kind in ("html", "png", "npz"):
            assert f"{Path('out', image.name)}.{kind} (" in done.stdout
        arrays = np.load(tmp_path / "out" / f"{image.name}.npz")
        assert arrays["points"].tolist() == [[3, 5], [52, 40]]
        np.testing.assert_allclose(arrays["APNB"].sum(1), 1, rtol=1e-5)
        assert '"disc"' in (tmp_path / "out" / f"{image.name}.html").read_text("utf-8")


def test_refuses(refused: Refusal, weights: Path, pictures: Path, tmp_path: Path) -> None:
    image = str(next(pictures.rglob("*.jpg")))
    words = ["--model_path", str(weights), "--image_path", image, *options(pictures)]
    (tmp_path / "output" / "attention").mkdir(parents=True)
    (tmp_path / "output" / "attention" / f"{Path(image).name}.png").write_text("mine")
    assert "nothing is overwritten" in refused("attention", *words)
    words += ["--save_dir", "else"]
    outside = refused("attention", *words, "--points", "3,41")
    assert f"{image}: The point (3, 41) lies outside the image, which is 53 pixels wide" in outside
    assert not (tmp_path / "else").exists()
