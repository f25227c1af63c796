"""The shared start of the commands: device, options, checkpoints."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import paddle
import pytest

from paddle_ann import session


def test_the_device_is_the_cpu_where_no_gpu_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_gpu_problem", lambda: "no kernel image")
    assert session.choose_device() == "cpu"
    assert session.choose_device("cpu") == "cpu"
    with pytest.raises(RuntimeError, match=r"--device gpu: no kernel image. Use --device cpu"):
        session.choose_device("gpu")
    monkeypatch.setattr(session, "_gpu_problem", lambda: "")
    assert session.choose_device() == session.choose_device("gpu") == "gpu"


@pytest.mark.skipif(paddle.is_compiled_with_cuda(), reason="this Paddle may have a GPU")
def test_why_there_is_no_gpu() -> None:
    assert "without GPU support" in session._gpu_problem()


def test_options_go_over_test_config() -> None:
    config = SimpleNamespace(test_config={"aug_eval": True, "scales": [0.5]})
    merged = session.merge_test_config(config, scales=[2.0], is_slide=False, stride=None)
    assert merged == {"aug_eval": True, "scales": [2.0]}
    with pytest.raises(ValueError, match="--crop_size"):
        session.merge_test_config(config, is_slide=True, crop_size=[3, 3])


def test_weights_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"best/model.pdparams|best does not exist"):
        session.weights_path(str(tmp_path / "best"))
    with pytest.raises(FileNotFoundError, match="x* does not exist"):
        session.weights_path("x" * 300)
    (tmp_path / "best").mkdir()
    file = tmp_path / "best/model.pdparams"
    paddle.save({"a": paddle.ones([2])}, str(file))
    assert session.weights_path(str(tmp_path / "best")) == session.weights_path(str(file))
    assert session.weights_path("https://x/y.pdparams") == "https://x/y.pdparams"


def test_shuffle() -> None:
    config = SimpleNamespace(dic={"train_dataset": {"shuffle": True, "type": "x"}})
    session.check_shuffle(config)
    assert config.dic == {"train_dataset": {"type": "x"}}
    with pytest.raises(ValueError, match="shuffles always"):
        session.check_shuffle(SimpleNamespace(dic={"train_dataset": {"shuffle": False}}))


def test_images_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--image_path .*gone does not exist"):
        session.find_images(str(tmp_path / "gone"))
    with pytest.raises(ValueError, match="there is no image. Images end in"):
        session.find_images(str(tmp_path))
    (tmp_path / "a.tif").write_bytes(b"II*\0\xff")
    with pytest.raises(ValueError, match="a.tif: there is no image .*list in UTF-8"):
        session.find_images(str(tmp_path / "a.tif"))
    (tmp_path / "a.png").touch()
    images = session.find_images(str(tmp_path))
    assert images == ([str(tmp_path / "a.png")], str(tmp_path))
