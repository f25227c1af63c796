"""PaddleSeg's own deploy/python/infer.py takes our export, and writes the masks that we do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from paddle_ann.deploy import Predictor, export
from tests.deploy.toy import make_model, picture

ROOT = Path(__file__).resolve().parents[2]
CLONE = os.environ.get("PADDLESEG_CLONE")


@pytest.mark.slow
@pytest.mark.skipif(CLONE is None, reason="set PADDLESEG_CLONE to a clone of PaddleSeg")
def test_paddlesegs_script_writes_the_same_masks(tmp_path):
    paddle.seed(3)
    normalize = [{"type": "Normalize"}]
    export(make_model(), tmp_path / "export", transforms=normalize, outputs=["argmax"])
    (tmp_path / "images").mkdir()
    for number, size in enumerate([(65, 97), (127, 63)]):
        Image.fromarray(picture(*size, number)).save(tmp_path / f"images/{number}.png")
    command = [sys.executable, "-m", "paddle_ann", "run", f"{CLONE}/deploy/python/infer.py"]
    command += ["--config", "export/deploy.yaml", "--image_path", "images", "--device", "cpu"]
    done = subprocess.run(
        [*command, "--save_dir", "masks"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    predictor = Predictor(tmp_path / "export", engine="paddle")
    for number in range(2):
        mask = np.asarray(Image.open(tmp_path / f"masks/{number}.png"))
        assert np.array_equal(mask, predictor(tmp_path / f"images/{number}.png").ids)
