"""The VisualDL log of a training that was interrupted."""

from __future__ import annotations

import shutil

import pytest

from paddle_ann.engine import Callback
from paddle_ann.monitor.log_file import whole_records
from tests.engine import toy
from tests.engine.test_train import read_scalars

TAGS = ("Train/loss", "Train/lr", "Evaluate/mIoU")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "voc"


def values(folder) -> dict:
    return {tag: points for tag, points in read_scalars(folder).items() if tag in TAGS}


@pytest.mark.parametrize("lost", [0, 5])
def test_a_resumed_training_goes_on_with_the_log(root, tmp_path, lost):
    """One file, as if nothing had happened, also where the end of the file is half a record."""

    class Fail(Callback):
        def on_step(self, run):
            if run.iteration == 7:
                raise KeyError("killed")

    val = toy.dataset(root, "val")
    toy.run(root, tmp_path / "whole", use_vdl=True, val_dataset=val)
    out = tmp_path / "out"
    with pytest.raises(KeyError):
        toy.run(root, out, use_vdl=True, val_dataset=val, callbacks=[Fail()])
    (log,) = out.glob("vdlrecords.*.log")
    log.write_bytes(log.read_bytes()[: -lost or None])
    toy.run(root, out, use_vdl=True, val_dataset=val, resume_model="auto")
    assert list(out.glob("*vdlrecords*")) == [log]
    assert values(out) == values(tmp_path / "whole")


def test_the_log_is_on_the_disk_at_each_checkpoint(root, tmp_path):
    copy = tmp_path / "copy"

    class Copy(Callback):
        def on_save(self, run, folder):
            copy.mkdir(exist_ok=True)
            for file in run.save_dir.glob("vdlrecords.*"):
                shutil.copy(file, copy)

    toy.run(root, tmp_path / "out", iters=4, use_vdl=True, callbacks=[Copy()])
    assert [step for step, _ in values(copy)["Train/loss"]] == [1, 2, 3, 4]


def test_a_record_that_is_cut_off_ends_the_reading():
    record = (3).to_bytes(8, "little") + b"abc"
    assert list(whole_records(record * 2)) == [b"abc", b"abc"]
    for cut in range(1, len(record)):
        assert list(whole_records((record * 2)[:-cut])) == [b"abc"]
    assert list(whole_records(b"")) == []
