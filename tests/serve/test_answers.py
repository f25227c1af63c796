"""What the interface answers is what the predictor finds and tools/infer.py writes."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import requests

from paddle_ann.deploy.outputs import Outputs
from paddle_ann.serve.guard import HEADERS
from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.serve.conftest import pixels, png_of, serving


def test_numbers_are_those_of_the_prediction(served, photo):
    answer = requests.post(f"{served.url}/api/segment", files={"image": png_of(photo)}, timeout=20)
    assert answer.status_code == 200, answer.text
    found, said = served.predictor(photo, ["confidence"]), answer.json()
    assert (said["width"], said["height"], said["outputs"]) == (113, 89, {})
    assert said["confidence"] == pytest.approx(found.confidence.mean(), rel=1e-5)
    assert [one["name"] for one in said["classes"]] == DESCRIPTION["classes"]
    assert [one["color"] for one in said["classes"]] == DESCRIPTION["palette"]
    present = 0
    for number, one in enumerate(said["classes"]):
        where = found.ids == number
        assert (one["id"], one["pixels"]) == (number, where.sum())
        assert one["area"] == pytest.approx(where.mean())
        if where.any():
            present += 1
            assert one["confidence"] == pytest.approx(found.confidence[where].mean(), rel=1e-5)
        else:
            assert one["confidence"] is None
    assert 2 <= present
    steps = ["waiting", "decode", "prepare", "network", "draw", "total"]
    assert list(said["seconds"]) == steps
    assert sum(said["seconds"].values()) == pytest.approx(2 * said["seconds"]["total"], rel=0.05)


def test_pictures_are_those_that_infer_writes(served, photo, tmp_path):
    kinds = ["ids", "overlay", "confidence", "entropy"]
    bundle = served.predictor.bundle
    writer = Outputs(tmp_path, kinds, bundle.classes, bundle.palette)
    writer.write("a", photo, [(0, served.predictor(photo, writer.keep))])
    url = f"{served.url}/api/segment"
    raw = {"data": png_of(photo), "headers": {"Content-Type": "image/png"}, "timeout": 20}
    outputs = requests.post(f"{url}?outputs={','.join(kinds)},image", **raw).json()["outputs"]
    assert (pixels(base64.b64decode(outputs.pop("image"))) == photo).all()
    for kind, text in outputs.items():
        expected = (tmp_path / kind / "a.png").read_bytes()
        assert base64.b64decode(text) == expected
        one = requests.post(f"{url}/{kind}", **raw)
        assert one.headers["content-type"] == "image/png" and one.content == expected
    assert set(outputs) == set(kinds)


def test_formats_and_orientation(served, photo):
    """As the predictor reads files: EXIF of a TIFF is obeyed, and there is no alpha."""
    turned = png_of(photo, "TIFF", tiffinfo={0x0112: 6})
    answer = requests.post(f"{served.url}/api/segment", files={"image": turned}, timeout=20).json()
    assert (answer["width"], answer["height"]) == (89, 113)
    alpha = np.dstack([photo, np.full(photo.shape[:2], 7, np.uint8)])
    answer = requests.post(f"{served.url}/api/segment/image", data=png_of(alpha), timeout=20)
    assert (pixels(answer.content) == photo).all()


def test_the_model_is_described_and_no_path_told(served):
    about = requests.get(f"{served.url}/api/model", timeout=20).json()
    assert about["name"] == "bundle" and about["engine"] == "onnxruntime"
    assert [one["name"] for one in about["classes"]] == DESCRIPTION["classes"]
    assert about["outputs"] == ["ids", "overlay", "confidence", "entropy", "image"]
    assert about["limits"] == {"max_bytes": 50000, "max_pixels": 20000, "queue": 3, "timeout": 20}
    assert str(served.predictor.bundle.folder.parent) not in str(about)
    health = requests.get(f"{served.url}/health", timeout=20).json()
    assert health == {"status": "ok", "requests": 0}


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/api/model", "/no", "/api/segment"])
def test_every_answer_has_the_headers(served, path):
    answer = requests.get(served.url + path, timeout=20)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "access-control-allow-origin" not in answer.headers
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert answer.status_code == {"/no": 404, "/api/segment": 405}.get(path, 200)
    if answer.status_code != 200:
        assert answer.json()["error"]


def test_an_export_of_class_numbers_alone(tmp_path, photo):
    """No confidence is made up, and asking for it says why there is none."""
    folder = make_bundle(tmp_path / "bundle", {**DESCRIPTION, "outputs": ["argmax"]})
    with serving(folder) as served:
        url, content = f"{served.url}/api/segment", png_of(photo)
        said = requests.post(f"{url}?outputs=ids", data=content, timeout=20).json()
        assert said["confidence"] is None
        assert {one["confidence"] for one in said["classes"]} == {None}
        ids = pixels(base64.b64decode(said["outputs"]["ids"]))
        assert (ids == served.predictor(photo).ids).all()
        refused = requests.post(f"{url}/confidence", data=content, timeout=20)
        assert refused.status_code == 400 and "without scores" in refused.json()["error"]
        about = requests.get(f"{served.url}/api/model", timeout=20).json()
        assert about["outputs"] == ["ids", "overlay", "image"]


def test_tiles(tmp_path, photo):
    description = {**DESCRIPTION, "preprocessing": DESCRIPTION["preprocessing"][1:]}
    folder = make_bundle(tmp_path / "bundle", description)
    with serving(folder, tile=31) as served:
        answer = requests.post(f"{served.url}/api/segment/ids", data=png_of(photo), timeout=20)
        assert (pixels(answer.content) == served.predictor(photo).ids).all()


def test_a_failure_of_the_network_is_a_500_that_tells_nothing(served, photo, monkeypatch):
    def fail(*args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(served.predictor, "segment", fail)
    answer = requests.post(f"{served.url}/api/segment", data=png_of(photo), timeout=20)
    assert answer.status_code == 500 and "RuntimeError" in answer.json()["error"]
    assert "secret" not in answer.text and "nosniff" in str(answer.headers)
    monkeypatch.undo()
    answer = requests.post(f"{served.url}/api/segment", data=png_of(photo), timeout=20)
    assert answer.status_code == 200
