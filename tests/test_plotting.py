"""Curves: the right numbers over the right axis, clear words about files that are none."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from paddle_ann import plotting
from paddle_ann.engine import metric_file


def write(folder, losses, per_epoch=3, evaluate=2):
    for number, loss in enumerate(losses, 1):
        row = {"epoch": number, "iteration": number * per_epoch, "loss": loss}
        row.update(learning_rate=0.1, train_accuracy=0.5)
        row.update(mIoU=0.25 if number % evaluate == 0 else None)
        metric_file.append(folder / "metrics.csv", row)
    return folder


def test_a_run_is_read(tmp_path):
    found = plotting.read_run(write(tmp_path / "ann", [3.0, 2.0, 1.0]))
    assert found.label == "ann"
    assert found.columns["loss"].tolist() == [3, 2, 1]
    np.testing.assert_array_equal(found.columns["mIoU"], [np.nan, 0.25, np.nan])
    assert plotting.read_run(tmp_path / "ann/metrics.csv", "x").label == "x"


def test_odd_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none does not exist.*--save_dir"):
        plotting.read_run(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"metrics\.csv does not exist"):
        plotting.read_run(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    for odd in ("x" * 300, "loop"):
        plotting.labels([tmp_path / odd])
        with pytest.raises(FileNotFoundError, match=f"{odd} does not exist"):
            plotting.read_run(tmp_path / odd)
    (tmp_path / "metrics.csv").write_text("epoch,iteration,loss\n")
    with pytest.raises(ValueError, match="has no row yet"):
        plotting.read_run(tmp_path)
    (tmp_path / "metrics.csv").write_text("epoch,iteration,loss\n1,3,small\n")
    with pytest.raises(ValueError, match="no table of metrics: .*small"):
        plotting.read_run(tmp_path)


def test_labels_tell_runs_apart(tmp_path):
    names = ("a/ann/metrics.csv", "b/ann", "fcn")
    paths = [tmp_path / name for name in names]
    write(tmp_path / "a/ann", [1.0])
    assert plotting.labels(paths)[:2] == ["a/ann", "b/ann"]
    assert plotting.labels(paths[1:]) == ["ann", "fcn"]
    assert plotting.labels([paths[2], paths[2]]) == ["fcn", "fcn"]


def test_groups_and_their_spread(tmp_path):
    runs = [
        plotting.read_run(write(tmp_path / "ann_seed1", [4.0, 2.0])),
        plotting.read_run(write(tmp_path / "fcn", [1.0])),
        plotting.read_run(write(tmp_path / "ann_seed2", [2.0, 1.0, 5.0])),
    ]
    groups = plotting.grouped(runs)
    assert [(group[0].label, len(group)) for group in groups] == [("ann", 2), ("fcn", 1)]
    found = plotting.spread(groups[0], "epoch", "loss")
    assert [part.tolist() for part in found] == [[1, 2, 3], [3, 1.5, 5], [2, 1, 5], [4, 2, 5]]
    assert [len(part) for part in plotting.spread(groups[0], "epoch", "mIoU")] == [1] * 4
    assert [len(part) for part in plotting.spread(groups[0], "epoch", "kappa")] == [0] * 4


def test_axis():
    epochs = plotting.Run("a", {"epoch": np.array([1, 2]), "iteration": np.array([3, 6])})
    inside = plotting.Run("b", {"epoch": np.array([1, 1]), "iteration": np.array([1, 2])})
    assert plotting.horizontal([epochs]) == "epoch"
    assert plotting.horizontal([epochs, inside]) == "iteration"


def test_the_picture_is_written_and_may_be_written_again(tmp_path):
    runs = [plotting.read_run(write(tmp_path / f"ann{n}", [3.0, 2.0 + n])) for n in range(9)]
    path = tmp_path / "pictures/curves.png"
    for groups in ([[one] for one in runs], plotting.grouped(runs)):
        plotting.draw(groups, path)
        with Image.open(path) as picture:
            assert picture.format == "PNG" and picture.width > 1000
    assert [item.name for item in path.parent.iterdir()] == ["curves.png"]


def test_nothing_else_is_overwritten(tmp_path):
    runs = [[plotting.read_run(write(tmp_path / "ann", [1.0]))]]
    with pytest.raises(ValueError, match=r"end in \.png"):
        plotting.draw(runs, tmp_path / "curves.pdf")
    (tmp_path / "mine.png").write_text("a note")
    with pytest.raises(FileExistsError, match=r"mine\.png exists and is no PNG"):
        plotting.draw(runs, tmp_path / "mine.png")
    assert (tmp_path / "mine.png").read_text() == "a note"
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(FileExistsError, match=r"folder\.png is a folder"):
        plotting.draw(runs, tmp_path / "folder.png")
