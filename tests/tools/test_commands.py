"""Six iterations of training, evaluation and prediction, each as a user's own process."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tools.conftest import call, options, start


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which six iterations were trained, with evaluation and VisualDL."""
    folder = tmp_path_factory.mktemp("run")
    done = call(
        "train",
        *options(pictures),
        "--iters",
        "6",
        "--save_interval",
        "3",
        "--log_iters",
        "2",
        "--do_eval",
        "--use_vdl",
        "--use_ema",
        "--seed",
        "0",
        "--save_dir",
        "out",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "log.txt").write_text(done.stdout + done.stderr)
    return folder


def test_train_writes_checkpoints_and_says_how_far_it_is(run: Path) -> None:
    for name in ("iter_3/model.pdopt", "iter_6/model.pdparams", "best_model/model.pdparams"):
        assert (run / "out" / name).is_file()
    log = (run / "log.txt").read_text()
    assert re.findall(r"\[TRAIN\] epoch: \d+, iter: (\d)/6, loss: \d+\.\d+", log) == ["2", "4", "6"]
    assert "ETA" in log and "mIoU" in log


def test_train_logs_to_visualdl(run: Path) -> None:
    from visualdl import LogReader

    logs = list((run / "out").glob("vdlrecords.*.log"))
    assert len(logs) == 1
    reader = LogReader(file_path=str(logs[0]))
    losses = [(item.id, item.value) for item in reader.get_data("scalar", "Train/loss")]
    assert [step for step, _ in losses] == [2, 4, 6]
    assert all(0 < value < 20 for _, value in losses)
    assert {"Train/lr", "Evaluate/mIoU"} <= set(reader.get_tags()["scalar"])


def test_resume_goes_on_where_it_stopped(run: Path, pictures: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "out/iter_3", tmp_path / "iter_3")
    done = call(
        "train",
        *options(pictures),
        "--iters",
        "5",
        "--log_iters",
        "1",
        "--save_dir",
        "out",
        "--use_ema",
        "--resume_model",
        "iter_3",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.findall(r"TRAIN\] .*?iter: (\d)/5", done.stdout + done.stderr) == ["4", "5"]
    assert (tmp_path / "out/iter_5/model.pdparams").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ["--aug_eval", "--scales", "1", "1.25", "--flip_horizontal"],
        ["--is_slide", "--crop_size", "32", "24", "--stride", "16", "17"],
    ],
)
def test_val_augmented_or_sliding(run: Path, pictures: Path, more: list[str]) -> None:
    done = call("val", *options(pictures), "--model_path", "out/best_model", *more, cwd=run)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"#Images: 3 mIoU: 0\.\d{4}", done.stdout + done.stderr)


def test_val_repeats_the_score_of_training(run: Path, pictures: Path) -> None:
    args = ["--model_path", "out/iter_6/model.pdparams"]
    done = call("val", *options(pictures), *args, "--save_json", "s.json", cwd=run)
    assert done.returncode == 0, done.stderr[-3000:]
    score = re.compile(r"#Images: 3 mIoU: (\d\.\d{4}) Acc: (\d\.\d{4})")
    trained = score.findall((run / "log.txt").read_text())
    # Evaluations at steps 3 and 6, each of the model and of its moving average.
    assert len(trained) == 4
    assert score.findall(done.stdout + done.stderr) == [trained[2]]
    scores = json.loads((run / "s.json").read_text())
    assert f"{scores['mIoU']:.4f}" == trained[2][0] and scores["num_images"] == 3
    assert re.search(r"^crescent +(0\.\d{4}|absent)", done.stdout, re.MULTILINE)


@pytest.fixture(scope="module")
def predicted(run: Path, pictures: Path) -> subprocess.CompletedProcess[str]:
    """Prediction of a folder: two sizes, a subfolder, a name that is not ASCII."""
    source = sorted((pictures / "VOC2012/JPEGImages").glob("*.jpg"))[0]
    (run / "images/unter ordner").mkdir(parents=True)
    shutil.copy(source, run / "images/城市 1.jpg")
    Image.open(source).resize((67, 37)).save(run / "images/unter ordner/wide.png")
    return call(
        "predict",
        *options(pictures),
        "--model_path",
        "out/iter_6",
        "--image_path",
        "images",
        "--save_dir",
        "pictures",
        "--custom_color",
        "9",
        "8",
        "7",
        cwd=run,
    )


def test_predict(run: Path, predicted: subprocess.CompletedProcess[str]) -> None:
    assert predicted.returncode == 0, predicted.stderr[-3000:]
    for name, size in (("城市 1.png", (53, 41)), ("unter ordner/wide.png", (67, 37))):
        with Image.open(run / "pictures/pseudo_color_prediction" / name) as mask:
            assert mask.size == size and mask.mode == "P"
            assert np.asarray(mask).max() <= 20
            assert mask.getpalette()[:3] == [9, 8, 7]
    with Image.open(run / "pictures/added_prediction/城市 1.jpg") as added:
        assert added.size == (53, 41)


@pytest.mark.slow
def test_predict_a_list(run: Path, pictures: Path, tmp_path: Path) -> None:
    source = pictures / "VOC2012/JPEGImages"
    names = sorted(path.name for path in source.glob("*.jpg"))[:2]
    for name in names:
        shutil.copy(source / name, tmp_path)
    (tmp_path / "list.txt").write_text("\n".join(names) + "\n")
    done = call(
        "predict",
        *options(pictures),
        "--model_path",
        str(run / "out/iter_6"),
        "--image_path",
        "list.txt",
        "--save_dir",
        "pictures",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = sorted(p.stem for p in (tmp_path / "pictures/pseudo_color_prediction").iterdir())
    assert found == [Path(name).stem for name in names]


def test_ctrl_c_saves_and_ends_with_code_75(pictures: Path, tmp_path: Path) -> None:
    with start(
        "train", *options(pictures), "--iters", "9999", "--log_iters", "1", cwd=tmp_path
    ) as p:
        assert p.stdout is not None
        for line in p.stdout:
            if "iter: 2/" in line:
                p.send_signal(signal.SIGINT)
                break
        rest = p.stdout.read()
    assert p.returncode == 75
    assert "Stopped by SIGINT after iteration" in rest and "Traceback" not in rest
    assert len(list(tmp_path.glob("output/iter_*/training_state.json"))) == 1


@pytest.mark.parametrize("tool", ["train", "val", "predict"])
def test_help_is_fast(tool: str, tmp_path: Path) -> None:
    start = time.perf_counter()
    done = call(tool, "--help", cwd=tmp_path)
    assert done.returncode == 0 and "--config" in done.stdout and "--opts" in done.stdout
    assert time.perf_counter() - start < 2


def test_an_unknown_option_is_named(tmp_path: Path) -> None:
    done = call("train", "--config", "x.yml", "--itres", "3", cwd=tmp_path)
    assert done.returncode == 2 and "--itres" in done.stderr
    done = call("train", "--config", "x.yml", "--iters", "0", cwd=tmp_path)
    assert done.returncode == 2 and "--iters: 0 is less than 1" in done.stderr


def test_an_error_is_one_line_and_code_2(tmp_path: Path) -> None:
    done = call("train", "--config", "gone.yml", cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "train.py: error: The configuration gone.yml does not exist." in done.stderr
