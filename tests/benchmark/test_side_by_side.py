"""Two configurations in training on the same batches."""

from __future__ import annotations

import shutil
from pathlib import Path

import paddle
import pytest

from paddle_ann.benchmark import side_by_side
from paddle_ann.datasets import toy_voc
from tests.tools.conftest import CONFIG, ROOT, SMALL, call

THEIRS = "\nmodel:\n  type: PaddleSegANN\n"


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """PaddleSeg's ANN, ours and ours with another grid, and the options for a small data set."""
    folder = tmp_path_factory.mktemp("configs")
    data = toy_voc.generate(folder / "toy", num_train=5, num_val=1, size=(41, 53))
    paths = []
    for name, more in {
        "theirs": THEIRS,
        "ours": "",
        "other": "\nmodel:\n  psp_size: [1, 5]\n",
    }.items():
        paths.append(folder / f"{name}.yml")
        paths[-1].write_text(f"_base_: {CONFIG}\nepochs: 2\n{more}")
    roots = [f"{section}_dataset.dataset_root={data}" for section in ("train", "val")]
    sgd = ["optimizer.type=SGD", "lr_scheduler.learning_rate=0.01"]
    return [str(path) for path in paths], [*SMALL, *roots, *sgd]


def test_equal_networks_follow_each_other_and_others_do_not(configs):
    paths, opts = configs
    *_, sides = side_by_side.race(paths, 3, opts=opts, dtype="float64")
    theirs, ours, other = sides.values()
    assert list(sides) == ["theirs", "ours", "other"]
    assert side_by_side.unequal_weights(theirs, ours) == []
    assert ours.losses == pytest.approx(theirs.losses, rel=1e-6)
    assert other.losses != pytest.approx(theirs.losses, rel=1e-6)
    assert len(set(ours.losses)) == 3  # it learns
    assert all(len(side.seconds) == 3 for side in sides.values())
    assert paddle.get_default_dtype() == "float32"
    table = side_by_side.markdown(sides).splitlines()
    assert table[2].startswith(f"| 1 | {theirs.losses[0]:.6f} | {ours.losses[0]:.6f} |")
    assert "| theirs |" in table[-3] and "1.00 (1.00-1.00) | 0 |" in table[-3]


def test_other_initial_weights_are_counted(configs):
    paths, opts = configs
    settings = [side_by_side.load(path, opts=opts) for path in paths[:1]]
    one, again, other = (side_by_side.build(settings[0], seed, False) for seed in (1, 1, 2))
    assert side_by_side.unequal_weights(one, again) == []
    assert "head.cls.weight" in side_by_side.unequal_weights(one, other)


def test_class_weights_that_the_data_tells(configs, tmp_path):
    paths, opts = configs
    loss = {"type": "CrossEntropyLoss", "weight": "median_frequency"}
    (tmp_path / "weighted.yml").write_text(f"_base_: {paths[0]}\nloss:\n  types: [{loss}]\n")
    plain, weighted = (
        side_by_side.build(side_by_side.load(path, opts=opts), 1, False)
        for path in (paths[0], tmp_path / "weighted.yml")
    )
    batch = next(side_by_side.batches(side_by_side.load(paths[0], opts=opts), 1, 0))
    for side in (plain, weighted):
        side.run(batch)
    assert weighted.losses[0] > 0 and weighted.losses != plain.losses


def test_two_files_of_one_name_are_refused(configs, tmp_path):
    paths, opts = configs
    copy = Path(shutil.copy(paths[0], tmp_path))
    with pytest.raises(ValueError, match="same name: theirs, theirs"):
        next(side_by_side.race([paths[0], str(copy)], 1, opts=opts))


def test_command(configs, tmp_path):
    paths, opts = configs
    done = call("side_by_side", *paths[:2], "--steps", "2", "--opts", *opts, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "step 2 of 2: " in done.stdout and "| ours |" in done.stdout
    done = call("side_by_side", str(tmp_path / "absent.yml"), cwd=ROOT)
    assert done.returncode == 2 and "does not exist" in done.stderr
