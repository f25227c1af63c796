"""Files of weights are data: PaddleSeg's loading functions run no code that is in them."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg import utils
from paddleseg.core import predict

from tests.compat import tiny
from tests.compat.saved.write import write

SAVED = sorted((Path(__file__).parent / "saved").glob("paddle-*/iter_2"))
IMAGE = str(Path(__file__).resolve().parents[2] / "docs/images/demo.png")


@pytest.fixture(params=["here", *SAVED], ids=["here", *(path.parent.name for path in SAVED)])
def folder(request, tmp_path):
    """A checkpoint folder, written now or by the Paddle that it is named after."""
    if request.param == "here":
        write(tmp_path / "iter_2")
        return tmp_path / "iter_2"
    return Path(shutil.copytree(request.param, tmp_path / "iter_2"))


class Trap:
    """Unpickled, it makes a folder."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return os.mkdir, (str(self.proof),)


@pytest.fixture
def trap(tmp_path):
    """Writes a file that makes a folder when it is unpickled; returns that folder's path."""

    def write_to(path):
        proof = tmp_path / "ran"
        path.write_bytes(pickle.dumps({"conv.weight": Trap(proof)}))
        return proof

    return write_to


def _resume(file):
    model = tiny.tiny_model()
    return utils.resume(model, tiny.sgd(model), str(file.parent))


def _predict(file):
    return predict(tiny.tiny_model(), model_path=str(file), transforms=None, image_list=[IMAGE])


LOADERS = {
    "load_pretrained_model": lambda file: utils.load_pretrained_model(tiny.tiny_model(), str(file)),
    "load_entire_model": lambda file: utils.load_entire_model(tiny.tiny_model(), str(file)),
    "predict": _predict,
    "resume": _resume,
}


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_code_in_weights_is_refused_and_does_not_run(load, trap, tmp_path):
    write(tmp_path / "iter_2")
    file = tmp_path / "iter_2/model.pdparams"
    proof = trap(file)
    with pytest.raises(ValueError, match=r"model\.pdparams cannot be read.*\.mkdir"):
        load(file)
    assert not proof.exists()
    pickle.loads(file.read_bytes())
    assert proof.exists()  # the trap is a real one


def test_code_in_an_optimizers_state_is_refused_and_the_model_stays(trap, tmp_path):
    write(tmp_path / "iter_2")
    proof = trap(tmp_path / "iter_2/model.pdopt")
    model = tiny.tiny_model()
    before = model.conv.weight.numpy()
    with pytest.raises(ValueError, match=r"model\.pdopt cannot be read.*\.mkdir"):
        utils.resume(model, tiny.sgd(model), str(tmp_path / "iter_2"))
    assert not proof.exists()
    np.testing.assert_array_equal(model.conv.weight.numpy(), before)


def test_a_folder_for_a_file(tmp_path):
    with pytest.raises(ValueError, match="is a folder.*model.pdparams"):
        utils.load_pretrained_model(tiny.tiny_model(), str(tmp_path))


@pytest.mark.parametrize("name", ["model.pdparams", "arrays.pdparams"])
@pytest.mark.parametrize("load", ["load_pretrained_model", "load_entire_model"])
def test_ordinary_weights_fill_the_model(folder, name, load):
    model, saved = tiny.tiny_model(), paddle.load(str(folder / "arrays.pdparams"))
    getattr(utils, load)(model, str(folder / name))
    assert sorted(saved) == sorted(model.state_dict())
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), np.asarray(saved[key]))


def test_resume_restores_schedule_and_moments(folder):
    model = tiny.tiny_model()
    schedule = paddle.optimizer.lr.PolynomialDecay(0.01, decay_steps=4)
    optimizer = tiny.sgd(model, schedule)
    assert utils.resume(model, optimizer, str(folder)) == 2
    assert schedule.last_epoch == 2
    assert schedule.last_lr == pytest.approx(0.00505)  # half way from 0.01 to 0.0001
    (model(paddle.ones([1, 3, 5, 7]))[0] * 0).sum().backward()
    optimizer.step()  # without a gradient: Momentum leaves 0.9 of what there was
    now, then = moments(optimizer.state_dict()), moments(paddle.load(str(folder / "model.pdopt")))
    assert len(now) == len(then) == 4 and any(then[-1])
    for a, b in zip(now, then):
        np.testing.assert_allclose(a, 0.9 * b, rtol=1e-6)


def moments(state):
    return [value.numpy() for key, value in state.items() if "velocity" in key]


def test_paddle_itself_is_as_it_was(trap, tmp_path):
    proof = trap(tmp_path / "own.pdparams")
    paddle.load(str(tmp_path / "own.pdparams"))
    assert proof.exists()
