"""The folder of checkpoints: order, replacement, rotation, and nothing of the user's lost."""

from __future__ import annotations

import json
import os
import time

import pytest

from paddle_ann.checkpoint import CheckpointStore
from paddle_ann.checkpoint.manifest import find_problem


def text(content):
    def write(folder):
        (folder / "model.pdparams").write_text(content)
        (folder / "deep").mkdir()
        (folder / "deep" / "more.bin").write_bytes(b"\x00" * 7)

    return write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def saved(store, *iterations):
    for iteration in iterations:
        store.save(iteration, text(f"weights {iteration}"))
    return store


def test_newest_is_by_number(tmp_path):
    store = saved(CheckpointStore(tmp_path / "made" / "here", keep=0), 10000, 9000, 7, 0)
    assert [c.iteration for c in store.checkpoints()] == [0, 7, 9000, 10000]
    assert store.newest_valid()[0].path == tmp_path / "made/here/iter_10000"


def test_the_manifest_lists_every_file(tmp_path):
    path = CheckpointStore(tmp_path).save(5, text("weights"))
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["format"] == 1 and manifest["iteration"] == 5
    assert manifest["files"]["model.pdparams"]["size"] == 7
    assert sorted(manifest["files"]) == ["deep/more.bin", "model.pdparams"]
    assert find_problem(path, 5) is None


def test_oldest_go_and_nothing_else(tmp_path):
    kept = ["iter_2_copy", "iter_02", "iter_x", "iter_4.txt", "notes", "iter_3"]
    for name in kept:  # iter_3 is the user's: neither manifest nor weights in it
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text(name)
    store = saved(CheckpointStore(tmp_path, keep=2), 9, 10, 100, 1000)
    assert names(tmp_path) == sorted([*kept, "iter_100", "iter_1000"])
    assert all((tmp_path / name / "mine.txt").read_text() == name for name in kept)
    assert store.newest_valid()[0].iteration == 1000


def test_checkpoints_of_paddleseg_rotate_too(tmp_path):
    (tmp_path / "iter_1").mkdir()
    (tmp_path / "iter_1" / "model.pdparams").write_bytes(b"PaddleSeg wrote this")
    saved(CheckpointStore(tmp_path, keep=1), 2)
    assert names(tmp_path) == ["iter_2"]


def test_the_one_just_saved_stays_among_newer_ones_of_another_run(tmp_path):
    saved(CheckpointStore(tmp_path, keep=0), 3000, 4000, 5000, 1000, 2000)
    store = saved(CheckpointStore(tmp_path, keep=1), 2500)
    assert [c.iteration for c in store.checkpoints()] == [2500, 3000, 4000, 5000]


def test_keep_all(tmp_path):
    assert len(saved(CheckpointStore(tmp_path, keep=0), *range(11)).checkpoints()) == 11


def test_files_of_the_users_in_a_checkpoint_survive(tmp_path):
    store = saved(CheckpointStore(tmp_path, keep=1), 1)
    (tmp_path / "iter_1" / "export" / "onnx").mkdir(parents=True)
    (tmp_path / "iter_1" / "export" / "onnx" / "model.onnx").write_text("exported")
    (tmp_path / "iter_1" / "link").symlink_to("/nowhere")
    saved(store, 1)
    assert (tmp_path / "iter_1" / "export" / "onnx" / "model.onnx").read_text() == "exported"
    saved(store, 2)
    assert (tmp_path / "iter_1" / "export" / "onnx" / "model.onnx").read_text() == "exported"
    assert os.readlink(tmp_path / "iter_1" / "link") == "/nowhere"
    assert names(tmp_path / "iter_1") == ["export", "link"]
    assert store.newest_valid() == (store.checkpoints()[1], [])


def test_a_named_one_is_replaced(tmp_path):
    store = CheckpointStore(tmp_path)
    for score in ("0.1", "0.2", "0.3"):
        path = store.save_named("best_model", text(score))
        assert (path / "model.pdparams").read_text() == score
    assert names(tmp_path) == ["best_model"] and find_problem(path) is None


def test_a_link_is_replaced_and_its_target_stays(tmp_path):
    target = CheckpointStore(tmp_path / "elsewhere").save_named("best_model", text("old"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "best_model").symlink_to(target)
    path = CheckpointStore(tmp_path / "run").save_named("best_model", text("new"))
    assert not path.is_symlink() and (path / "model.pdparams").read_text() == "new"
    assert (target / "model.pdparams").read_text() == "old"
    assert names(tmp_path / "run") == ["best_model"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "/tmp/x", ".tmp-new-x", "a b"])
def test_names_that_are_none(tmp_path, name):
    with pytest.raises(ValueError, match="cannot name a checkpoint"):
        CheckpointStore(tmp_path).save_named(name, text(""))


def test_bad_numbers(tmp_path):
    with pytest.raises(ValueError, match="keep_checkpoint_max is -1"):
        CheckpointStore(tmp_path, keep=-1)
    for wrong in ("5", 1.5, None, True):
        with pytest.raises(TypeError, match="keep_checkpoint_max is .*whole number"):
            CheckpointStore(tmp_path, keep=wrong)
    with pytest.raises(ValueError, match="iteration is -1"):
        CheckpointStore(tmp_path).save(-1, text(""))


@pytest.mark.parametrize("place", ["run", "run/iter_3"])
def test_a_file_in_the_way_is_left_alone(tmp_path, place):
    """PaddleSeg deletes a file that stands at save_dir."""
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("thesis")
    with pytest.raises(FileExistsError, match=f"{place} is a file"):
        CheckpointStore(tmp_path / "run").save(3, text(""))
    assert (tmp_path / place).read_text() == "thesis"


def test_a_name_that_cannot_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("thesis")
    with pytest.raises(FileExistsError, match="file/x cannot be made a folder .* another save_dir"):
        CheckpointStore(tmp_path / "file/x").save(3, text(""))


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt(), OSError(2, "gone")])
def test_a_writer_that_fails_leaves_nothing(tmp_path, error):
    store = saved(CheckpointStore(tmp_path), 1)

    def write(folder):
        text("half")(folder)
        raise error

    for save in (lambda: store.save(1, write), lambda: store.save_named("best_model", write)):
        with pytest.raises(type(error)) as caught:
            save()
        assert str(caught.value) == str(error)
    assert names(tmp_path) == ["iter_1"]
    assert (tmp_path / "iter_1/model.pdparams").read_text() == "weights 1"


def test_a_clock_set_back_changes_nothing(tmp_path, monkeypatch):
    store = saved(CheckpointStore(tmp_path, keep=2), 1, 2)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    saved(store, 3)
    for path in (tmp_path / "iter_2", tmp_path / "iter_2/model.pdparams"):
        os.utime(path, (4e9, 4e9))  # the older one seems to come from the future
    assert [c.iteration for c in store.checkpoints()] == [2, 3]
    assert store.newest_valid()[0].iteration == 3
    assert store.recover() == []


def test_recovery_of_nothing(tmp_path):
    assert CheckpointStore(tmp_path / "not there").recover() == []
    assert CheckpointStore(tmp_path / "not there").newest_valid() == (None, [])
    (tmp_path / ".tmp-mine").mkdir()
    (tmp_path / ".tmp-new-file").write_text("a file is none of ours")
    assert CheckpointStore(tmp_path).recover() == []
    assert names(tmp_path) == [".tmp-mine", ".tmp-new-file"]


def test_a_replacement_that_was_cut_off(tmp_path):
    """Between the two renames: the new one if it is whole, else the old one."""
    run = tmp_path / "run"
    for whole in (True, False):
        old = CheckpointStore(run).save_named("best_model", text("old"))
        os.rename(old, run / ".tmp-old-best_model")
        new = CheckpointStore(tmp_path).save_named("best_model", text("new"))
        if not whole:
            (new / "deep/more.bin").unlink()
        os.rename(new, run / ".tmp-new-best_model")
        lines = CheckpointStore(run).recover()
        assert ("finished" if whole else "undone") in lines[0]
        assert (run / "best_model/model.pdparams").read_text() == ("new" if whole else "old")
        assert names(run) == ["best_model"]
