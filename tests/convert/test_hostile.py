"""Hostile and damaged files: nothing in them runs, memory stays bounded, each error is clear."""

from __future__ import annotations

import io
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from paddle_ann.convert import read_state
from paddle_ann.weights import read_weights
from tests.hostile import CONTAINERS, FUNCTIONS, TRICKS, WRAPPERS, Run, formatted, legacy, torch_zip

PEERS = Path(__file__).resolve().parents[1] / "data" / "peers"


def refuse(data: bytes, tmp_path: Path) -> str:
    """Read the file, and return the error, which must name it and say what to do."""
    path = tmp_path / "file.pth"
    path.write_bytes(data)
    with pytest.raises(ValueError) as error:
        read_state(path)
    text = str(error.value)
    assert "file.pth" in text and len(text) < 600
    assert not re.search(r"Traceback|KeyError|IndexError", text)
    return text


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("protocol", range(6))
def test_nothing_runs(tmp_path, container, wrapper, protocol):
    for name, (function, *arguments) in FUNCTIONS.items():
        if name == "getattr":
            continue  # a module cannot be pickled; written out below
        proof = tmp_path / f"proof_{name.replace(' ', '_')}"
        trap = WRAPPERS[wrapper](Run(function, *formatted(arguments, proof)))
        text = refuse(CONTAINERS[container](pickle.dumps(trap, protocol)), tmp_path)
        if container in ("pickle", "torch zip", "torch legacy"):
            asked = re.search(r"it wants to run ([\w.]+)", text)
            assert asked and asked.group(1).endswith(function.__name__), text
        assert not proof.exists()
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("container", ["pickle", "torch zip", "torch legacy"])
@pytest.mark.parametrize("name", TRICKS)
def test_tricks(tmp_path, name, container):
    tracemalloc.start()
    refuse(CONTAINERS[container](TRICKS[name]), tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6, f"{peak / 1e6:.0f} MB"


@pytest.mark.parametrize("name", TRICKS)
def test_paddles_files_are_read_by_the_same_machine(tmp_path, name):
    (tmp_path / "model.pdparams").write_bytes(TRICKS[name])
    tracemalloc.start()
    with pytest.raises(ValueError, match="model.pdparams (cannot be read|holds a)"):
        read_weights(tmp_path / "model.pdparams")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6, f"{peak / 1e6:.0f} MB"


def array_pickle(shape, data=b"\0" * 8, dtype="<f4"):
    """An array of a shape that its data do not have."""

    class Lie:
        def __reduce__(self):
            call, arguments, _ = np.zeros(2, dtype).__reduce__()
            return call, arguments, (1, shape, np.dtype(dtype), False, data)

    return pickle.dumps({"w": Lie()})


@pytest.mark.parametrize(
    "shape", [(10**10,), (2**62, 4), (-1, -2), (2.0,), (True, 2), "2", (1,) * 70 + (2,)], ids=str
)
def test_arrays_with_false_shapes(tmp_path, shape):
    refuse(array_pickle(shape), tmp_path)


def tensor_pickle(offset=0, shape=(2,), strides=(1,), count=2, kind="FloatStorage", key="0"):
    class Storage:
        pass

    class Pickler(pickle._Pickler):
        def persistent_id(self, item):
            if isinstance(item, Storage):
                return ("storage", Name("torch", kind), key, "cpu", count)
            return None

    class Name:
        def __init__(self, module, name):
            self.module, self.name = module, name

    def save_name(pickler, item):
        pickler.write(f"c{item.module}\n{item.name}\n".encode())

    class Tensor:
        pass

    def save_tensor(pickler, item):
        pickler.write(b"ctorch._utils\n_rebuild_tensor_v2\n")
        pickler.save((Storage(), offset, shape, strides, False, {}))
        pickler.write(b"R")

    Pickler.dispatch = {**pickle._Pickler.dispatch, Name: save_name, Tensor: save_tensor}
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump({"w": Tensor()})
    return buffer.getvalue()


FALSE_TENSORS = {
    "long storage": dict(count=10**10),
    "negative storage": dict(count=-2),
    "long tensor": dict(shape=(10**10,)),
    "expanded tensor": dict(shape=(10**10,), strides=(0,)),
    "offset": dict(offset=1),
    "negative offset": dict(offset=-1),
    "long stride": dict(strides=(10**10,)),
    "negative stride": dict(strides=(-1,)),
    "strides of another rank": dict(strides=(1, 1)),
    "rank 70": dict(shape=(1,) * 70, strides=(1,) * 70),
    "unknown type": dict(kind="NoSuchStorage"),
    "another file": dict(key="../../secret"),
    "number as a key": dict(key=7),
}


@pytest.mark.parametrize("name", FALSE_TENSORS)
def test_tensors_beyond_their_storage(tmp_path, name):
    data = b"\0" * 8
    keys = pickle.dumps(["0"], 2)
    content = tensor_pickle(**FALSE_TENSORS[name])
    refuse(torch_zip(content, _0=data), tmp_path)
    refuse(legacy(content, keys + struct.pack("<q", 2) + data), tmp_path)
    refuse(legacy(content, keys + struct.pack("<q", 10**10) + data), tmp_path)


def test_the_same_tensor_told_truly_is_read(tmp_path):
    data = np.asarray([3, 5], np.float32).tobytes()
    for content in (
        torch_zip(tensor_pickle(), _0=data),
        legacy(tensor_pickle(), pickle.dumps(["0"], 2) + struct.pack("<q", 2) + data),
    ):
        (tmp_path / "file.pth").write_bytes(content)
        assert read_state(tmp_path / "file.pth")["w"].tolist() == [3, 5]


def test_zip_bombs(tmp_path):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(10**7))
    assert "larger than the file" in refuse(buffer.getvalue(), tmp_path)
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a/data.pkl", pickle.dumps({}))
        archive.writestr("a/data.pkl", pickle.dumps({"a": np.ones(3)}))
    refuse(twice.getvalue(), tmp_path)
    # the same bytes for every member: the directory is a list of places
    data = bytearray(torch_zip(b"N.", _0=b"\0" * 100))
    place = data.rindex(b"PK\x01\x02")
    data[place + 20 : place + 28] = struct.pack("<II", 2**31, 2**31)
    refuse(bytes(data), tmp_path)


@pytest.mark.parametrize("name", ["zip", "legacy", "npz", "safetensors", "pickle"])
def test_cut_off_at_every_percent(tmp_path, name):
    source = PEERS / "orig_apnb" / "weights.pth"
    state = read_state(source)
    if name == "legacy":
        torch = pytest.importorskip("torch")
        tensors = {key: torch.tensor(array) for key, array in state.items()}
        torch.save(tensors, tmp_path / "whole", _use_new_zipfile_serialization=False)
    elif name == "npz":
        with open(tmp_path / "whole", "wb") as file:
            np.savez(file, **state)
    elif name == "safetensors":
        from paddle_ann.convert.array_files import to_safetensors

        (tmp_path / "whole").write_bytes(to_safetensors(state))
    elif name == "pickle":
        (tmp_path / "whole").write_bytes(pickle.dumps(state))
    data = source.read_bytes() if name == "zip" else (tmp_path / "whole").read_bytes()
    for percent in range(100):
        refuse(data[: len(data) * percent // 100], tmp_path)


def test_flipped_bytes_are_refused_or_harmless(tmp_path):
    data = (PEERS / "orig_apnb" / "weights.pth").read_bytes()
    generator = np.random.RandomState(0)
    path = tmp_path / "file.pth"
    refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        for place in generator.randint(0, len(data), 3):
            damaged[place] = generator.randint(256)
        path.write_bytes(damaged)
        try:
            read_state(path)
        except ValueError as error:
            refused += 1
            assert "file.pth" in str(error)
    assert refused > 150  # the archive has check sums


def test_a_10_gb_length_does_not_allocate(tmp_path):
    """In a process that may have 1 GB beyond what importing takes."""
    script = (
        "import resource, sys\n"
        "from paddle_ann.convert.reading import read_state\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**30,) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n        read_state(path)\n"
        "    except ValueError as error:\n        print(error)\n"
    )
    names = ["binbytes8", "bytearray8", "binunicode8", "frame", "far memo index", "long4"]
    paths = []
    for name in names:
        for container in ("pickle", "torch zip", "torch legacy"):
            paths.append(tmp_path / f"{name}-{container}.pth")
            paths[-1].write_bytes(CONTAINERS[container](TRICKS[name]))
    result = subprocess.run(
        [sys.executable, "-c", script, *map(str, paths)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-500:]
    lines = result.stdout.splitlines()
    assert len(lines) == len(paths)
    assert all("cannot be read as weights" in line or "holds a" in line for line in lines)
    assert "MemoryError" not in result.stdout
