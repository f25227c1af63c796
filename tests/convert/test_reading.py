"""Files of weights are read without torch, and as torch, numpy and safetensors read them."""

import collections
import io
import json
import pickle
import struct

import numpy as np
import pytest

from paddle_ann.convert import read_state, save_state
from paddle_ann.convert.array_files import read_safetensors, to_safetensors

ARRAYS = {
    "a.weight": np.arange(30, dtype=np.float32).reshape(2, 3, 5),
    "b": np.float64(7),
    "c": np.arange(7, dtype=np.float16)[::2],
    "n.num_batches_tracked": np.asarray(3, np.int64),
    "empty": np.zeros((0, 3), np.float32),
    "flags": np.asarray([True, False, True]),
}


@pytest.fixture
def tensors():
    torch = pytest.importorskip("torch", reason="writes the files to be read")
    base = torch.arange(24, dtype=torch.float32)
    net = torch.nn.BatchNorm2d(3)
    return collections.OrderedDict(
        plain=base.reshape(4, 6),
        view=base[3:15].reshape(3, 4),
        transposed=base.reshape(4, 6).t(),
        shared=base.reshape(4, 6),
        scalar=torch.tensor(5),
        empty=torch.zeros(0, 3),
        parameter=net.weight,
        long=torch.arange(5),
        bool=torch.tensor([True, False]),
        byte=torch.tensor([1, 200], dtype=torch.uint8),
        half=torch.randn(7).half(),
        bfloat16=torch.randn(7).bfloat16(),
        bfloat16_part=torch.randn(11).bfloat16()[2:7],
        double=torch.randn(7).double(),
        one=torch.randn(1, 5, 1),
    )


def check(state, tensors):
    assert state.keys() == tensors.keys()
    for name, tensor in tensors.items():
        tensor = tensor.detach()
        tensor = tensor.float() if name.startswith("bfloat16") else tensor
        assert state[name].dtype == tensor.numpy().dtype, name
        assert np.array_equal(state[name], tensor.numpy()), name


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("key", [None, "state_dict", "model"])
def test_what_torch_writes(tmp_path, tensors, zipped, protocol, key):
    import torch

    path = tmp_path / "net.pth"
    content = tensors if key is None else {"epoch": 3, "loss": 0.5, key: tensors, "x": [(), None]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    check(read_state(path), tensors)
    check(read_state(path, trust=True), tensors)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_module_and_its_optimizer(tmp_path, zipped):
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3])
    net(torch.randn(2, 2, 5, 5)).sum().backward()
    optimizer.step()
    content = {
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(),
        "state_dict": net.state_dict(),  # an OrderedDict with an attribute
        "meta": {"mIoU": np.float64(0.5), "classes": ("a", "b"), "palette": np.eye(3)},
    }
    torch.save(content, tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    check(read_state(tmp_path / "net.pth"), net.state_dict())


def test_a_whole_module_needs_trust(tmp_path):
    torch = pytest.importorskip("torch")
    net = torch.nn.Conv2d(2, 3, 1)
    torch.save(net, tmp_path / "net.pth")
    with pytest.raises(ValueError, match=r"wants to run torch.nn.modules.conv.Conv2d.*--trust"):
        read_state(tmp_path / "net.pth")
    check(read_state(tmp_path / "net.pth", trust=True), net.state_dict())


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, save):
    save(tmp_path / "net.npz", **ARRAYS)
    found = read_state(tmp_path / "net.npz")
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array), name


@pytest.mark.parametrize("protocol", range(6))
def test_a_plain_pickle_of_arrays(tmp_path, protocol):
    fortran = {"f": np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)), **ARRAYS}
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(fortran, protocol))
    found = read_state(tmp_path / "net.pkl")
    for name, array in fortran.items():  # numpy itself turns the byte order in protocols 0 to 4
        assert found[name].dtype.newbyteorder("=") == array.dtype.newbyteorder(
            "="
        ) and np.array_equal(found[name], array), name


def test_safetensors_agrees_with_the_library(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    ours = to_safetensors({name: np.asarray(array) for name, array in ARRAYS.items()})
    for name, array in library.load(ours).items():
        assert array.dtype == ARRAYS[name].dtype and np.array_equal(array, ARRAYS[name]), name
    plain = {name: np.ascontiguousarray(array) for name, array in ARRAYS.items()}
    theirs = library.save(plain, metadata={"format": "pt"})
    for name, array in read_safetensors(theirs).items():
        assert array.dtype == plain[name].dtype and np.array_equal(array, plain[name]), name


def test_bfloat16_of_safetensors(tmp_path):
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    tensor = torch.randn(3, 5).bfloat16()
    (tmp_path / "net.safetensors").write_bytes(library.save({"w": tensor}))
    assert np.array_equal(read_state(tmp_path / "net.safetensors")["w"], tensor.float().numpy())


def safetensors(header, content=b"\0" * 8, length=None):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(text) if length is None else length) + text + content


def entry(**changes):
    return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (safetensors(entry(), length=10**10), "header should have 10000000000 bytes"),
        (safetensors(entry(shape=[10**10])), "has 8 bytes, not the 10000000000 numbers"),
        (safetensors(entry(shape=[-2])), "shape that is no tuple of lengths"),
        (safetensors(entry(shape=[2.0])), "shape that is no tuple of lengths"),
        (safetensors(entry(dtype="F8_E4M3")), "w is of type 'F8_E4M3'"),
        (safetensors(entry(data_offsets=[8, 0])), "w has no place in the file"),
        (safetensors(entry(data_offsets=[0, 10**10], shape=[25 * 10**8])), "has 8 bytes"),
        (safetensors(entry() | {"v": entry()["w"]}), "overlap"),
        (safetensors(entry(), b"\0" * 12), "leave bytes of the file unused"),
        (safetensors(b'{"w":{},"w":{}}'), "same name twice"),
        (safetensors(b'{"w":' * 10**5), "cannot be read"),
        (safetensors(entry(), b""), "has 0 bytes"),
    ],
)
def test_damaged_safetensors(tmp_path, data, message):
    (tmp_path / "net.safetensors").write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_state(tmp_path / "net.safetensors")


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors", ".npz", ".pth"])
def test_what_is_written_is_read_and_nothing_is_overwritten(tmp_path, suffix):
    if suffix == ".pth":
        pytest.importorskip("torch")
    path = tmp_path / "new" / f"net{suffix}"
    save_state({name: np.asarray(array) for name, array in ARRAYS.items()}, path)
    found = read_state(path)
    for name, array in ARRAYS.items():
        assert np.array_equal(found[name], array) and found[name].shape == array.shape, name
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match="exists, and nothing is overwritten"):
        save_state({}, path)
    assert path.read_bytes() == content and len(list(path.parent.iterdir())) == 1


def test_paddle_loads_what_is_written(tmp_path):
    import paddle

    net = paddle.nn.Conv2D(2, 3, 1)
    save_state(net.state_dict(), tmp_path / "net.pdparams")
    again = paddle.nn.Conv2D(2, 3, 1)
    again.set_state_dict(paddle.load(str(tmp_path / "net.pdparams")))
    assert (again.weight == net.weight).all()


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in .pdparams, .* received .*net.h5"):
        save_state({}, tmp_path / "net.h5")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds a list, not a dictionary of weights"),
        ({"a": "text"}, "its entry 'a' is a str, not a tensor"),
        ({3: np.ones(2)}, "its entry '3' is a ndarray"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path, content, message):
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=message):
        read_state(tmp_path / "net.pkl")


def test_npz_of_objects_is_refused(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, a=np.asarray([{}], object))
    (tmp_path / "net.npz").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="array of type object, which are no numbers"):
        read_state(tmp_path / "net.npz")
