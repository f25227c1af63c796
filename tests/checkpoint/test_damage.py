"""Damaged checkpoints: each is passed over with its reason, and the one before is found."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import paddle
import pytest

from paddle_ann.checkpoint import CheckpointStore, save_model, save_state
from tests.checkpoint.writer import Net


@pytest.fixture
def store(tmp_path):
    """iter_5 and iter_7 with weights, optimizer and state."""
    net = Net((3, 5))
    optimizer = paddle.optimizer.Momentum(0.1, parameters=net.parameters())
    net.bn(net.fc(paddle.ones([7, 3]))).sum().backward()
    optimizer.step()

    def write(folder):
        save_model(folder, net, optimizer)
        save_state(folder, {"best": 0.5})

    store = CheckpointStore(tmp_path / "run")
    store.save(5, write)
    store.save(7, write)
    return store


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def folder_instead(path):
    path.unlink()
    path.mkdir()


FILES = ["model.pdparams", "model.pdopt", "optimizer.json", "training_state.json"]
REASONS = {
    cut: "cut off or replaced",
    flip: "SHA-256 is not the one",
    empty: "has 0 bytes",
    remove: "is missing",
    folder_instead: "is missing",
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", REASONS, ids=lambda damage: damage.__name__)
def test_any_damage_to_any_file_is_found(store, file, damage):
    assert store.newest_valid()[0].iteration == 7
    damage(store.folder / "iter_7" / file)
    found, lines = store.newest_valid()
    assert found.iteration == 5
    assert len(lines) == 1 and f"iter_7 is passed over: {file}" in lines[0]
    assert REASONS[damage] in lines[0]


def test_every_flipped_bit_of_a_manifest_is_noticed_or_harmless(store):
    path = store.folder / "iter_7/manifest.json"
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found, lines = store.newest_valid()
        if found.iteration == 7:  # the date, or a blank
            assert b'"written"' in whole[:place].splitlines()[-1] or whole[place] in b' \n"w'
        else:
            assert "iter_7 is passed over: " in lines[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_a_manifest_that_is_none(store, content):
    (store.folder / "iter_7/manifest.json").write_bytes(content)
    found, lines = store.newest_valid()
    assert found.iteration == 5 and "manifest.json is damaged" in lines[0]


@pytest.mark.parametrize(
    "change",
    [
        {"iteration": "7"},
        {"files": []},
        {"files": {"../iter_5/model.pdparams": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"/etc/passwd": {"size": 1, "sha256": "0" * 64}}},
        {"files": {"model.pdparams": {"size": 1.5, "sha256": "0" * 64}}},
        {"files": {"model.pdparams": {"size": 1, "sha256": "0"}}},
        {"files": {"model.pdparams": None}},
    ],
)
def test_a_manifest_with_odd_entries(store, change):
    path = store.folder / "iter_7/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert "manifest.json is damaged" in store.newest_valid()[1][0]


def test_a_manifest_of_a_later_format(store):
    path = store.folder / "iter_7/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    assert "manifest.json has format 2" in store.newest_valid()[1][0]


def test_a_manifest_of_another_checkpoint(store):
    shutil.copy(store.folder / "iter_5/manifest.json", store.folder / "iter_7/manifest.json")
    assert "is that of another checkpoint: of iteration 5, not 7" in store.newest_valid()[1][0]


def test_a_folder_without_weights(store):
    (store.folder / "iter_9").mkdir()
    found, lines = store.newest_valid()
    assert found.iteration == 7 and "there is no model.pdparams" in lines[0]


def test_none_is_whole(store):
    for checkpoint in store.checkpoints():
        empty(checkpoint.path / "model.pdopt")
    found, lines = store.newest_valid()
    assert found is None and len(lines) == 2


# -- PaddleSeg's own checkpoints, which have no manifest ------------------------------------------


def test_without_a_manifest_the_files_are_read(store):
    newest = store.folder / "iter_7"
    for name in ("manifest.json", "optimizer.json", "training_state.json"):
        (newest / name).unlink()
    found, lines = store.newest_valid()
    assert found.iteration == 7 and found.problem() is None and not found.has_manifest
    assert "no manifest: content checked by reading" in lines[0]
    for file in ("model.pdopt", "model.pdparams"):
        cut(newest / file)
        found, lines = store.newest_valid()
        assert found.iteration == 5 and f"{file} cannot be read as weights" in lines[0]


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("file", ["model.pdparams", "model.pdopt"])
def test_code_in_a_file_does_not_run(store, tmp_path, file):
    newest, proof = store.folder / "iter_7", tmp_path / "ran"
    (newest / "manifest.json").unlink()
    (newest / file).write_bytes(pickle.dumps({"fc.weight": Trap(str(proof))}))
    found, lines = store.newest_valid()
    assert found.iteration == 5 and "mkdir" in lines[0]
    assert not proof.exists()
