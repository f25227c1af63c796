"""Weight files are read as data, and every weight of the model must be in them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddleseg import utils

from paddle_ann.convert import save_state
from paddle_ann.weights import load_state, read_weights, require_same_state


class Net(paddle.nn.Layer):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.fc = paddle.nn.Linear(2, width)
        self.bn = paddle.nn.BatchNorm1D(width)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Net, Path]:
    net, path = Net(), tmp_path / "model.pdparams"
    paddle.save(net.state_dict(), str(path))
    return net, path


def test_what_paddle_saves_is_read_as_it_is(saved: tuple[Net, Path]) -> None:
    net, path = saved
    found = read_weights(path)
    assert sorted(found) == sorted(net.state_dict())
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(found[name], value.numpy())


def test_saved_as_arrays(saved: tuple[Net, Path]) -> None:
    net, path = saved
    paddle.save({name: value.numpy() for name, value in net.state_dict().items()}, str(path))
    np.testing.assert_array_equal(read_weights(path)["fc.bias"], net.fc.bias.numpy())


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_no_code_of_the_file_runs(tmp_path: Path) -> None:
    path, proof = tmp_path / "evil.pdparams", tmp_path / "ran"
    path.write_bytes(pickle.dumps({"fc.weight": _Trap(proof)}))
    with pytest.raises(
        ValueError, match=r"evil.pdparams cannot be read as weights: it wants to run"
    ):
        read_weights(path)
    assert not proof.exists()
    pickle.loads(path.read_bytes())
    assert proof.exists()  # the trap was a real one


@pytest.mark.parametrize("keep", [0, 1, 0.5, 0.99], ids=["empty", "byte", "half", "tail"])
def test_cut_off(saved: tuple[Net, Path], keep: float) -> None:
    _, path = saved
    content = path.read_bytes()
    path.write_bytes(content[: keep if keep == 1 else int(keep * len(content))])
    with pytest.raises(ValueError, match=r"model.pdparams cannot be read as weights"):
        read_weights(path)


@pytest.mark.parametrize("content", [[1, 2], "text", b"\x00" * 64])
def test_no_state_dict(tmp_path: Path, content: object) -> None:
    path = tmp_path / "x.pdparams"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    with pytest.raises(ValueError, match=r"x.pdparams"):
        read_weights(path)


def test_optimizer_state(saved: tuple[Net, Path], tmp_path: Path) -> None:
    net, path = saved
    schedule = paddle.optimizer.lr.PolynomialDecay(0.5, decay_steps=4)
    optimizer = paddle.optimizer.AdamW(schedule, parameters=net.parameters())
    net.bn(net.fc(paddle.ones([4, 2]))).sum().backward()
    optimizer.step()
    schedule.step()
    paddle.save(optimizer.state_dict(), str(tmp_path / "model.pdopt"))
    found = read_weights(tmp_path / "model.pdopt")
    assert found["LR_Scheduler"]["last_epoch"] == 1
    assert {key for key in found if key != "LR_Scheduler"} >= {
        f"{parameter.name}_moment1_0" for parameter in net.parameters() if parameter.trainable
    }


@pytest.mark.parametrize(
    "content",
    [b"ccollections\nOrderedDict\n(NtR.", b"cnumpy\nno_such_name\n.", b"h\x07."],
    ids=["TypeError", "AttributeError", "KeyError"],
)
def test_a_pickle_that_breaks_while_it_is_read_names_the_file(tmp_path, content):
    path = tmp_path / "broken.pdparams"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="broken.pdparams cannot be read as weights"):
        read_weights(path)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({3: np.ones(2)}, "an entry 3, which is no name"),
        (np.ones(2), "holds a ndarray"),
        ({"a": np.array(["x"])}, "cannot be read as weights"),
        ({"StructuredToParameterName@@": {"gone": "b"}}, "'gone'"),
        ({"StructuredToParameterName@@": np.ones(2)}, "cannot be read as weights"),
    ],
    ids=["key", "array", "texts", "name without entry", "names"],
)
def test_pickles_that_are_no_weights(tmp_path: Path, state: object, words: str) -> None:
    path = tmp_path / "model.pdparams"
    path.write_bytes(pickle.dumps(state))
    with pytest.raises(ValueError, match=words):
        load_state(path)


class _Huge:
    """Unpickled, it makes numpy allocate a terabyte."""

    def __reduce__(self) -> tuple[object, tuple[tuple[int]]]:
        return np.ndarray, ((1 << 37,),)


def test_a_shape_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.pdparams"
    path.write_bytes(pickle.dumps({"a": _Huge()}))
    with pytest.raises(ValueError, match="cannot be read as weights"):
        load_state(path)


def test_an_entry_that_is_no_array(saved: tuple[Net, Path]) -> None:
    net, _ = saved
    state = {**net.state_dict(), "fc.bias": {"a": 1}}
    with pytest.raises(ValueError, match=r"fc.bias +a dict +\[3\]"):
        require_same_state(net, state, "w.pdparams", "Take another.")


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_other_formats_of_the_same_names(tmp_path: Path, suffix: str) -> None:
    net, other = Net(), Net()
    file = tmp_path / f"net{suffix}"
    save_state(net.state_dict(), file)
    utils.load_entire_model(other, str(file))
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name].numpy(), value.numpy())
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(ValueError, match=f"net{suffix} cannot be read as weights"):
        load_state(file)
    with pytest.raises(FileNotFoundError, match=f"gone{suffix} does not exist"):
        load_state(tmp_path / f"gone{suffix}")
