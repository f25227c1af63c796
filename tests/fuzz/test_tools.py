"""Whatever is typed after a tool's name: code 0, 1 or 2, a reason of ours, and nothing is lost."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import paddle
import pytest
import yaml
from hypothesis import strategies as st
from paddleseg.cvlibs import SegBuilder

from paddle_ann import scores
from paddle_ann.config import load
from paddle_ann.datasets import toy_voc
from tests.deploy.conftest import DESCRIPTION, make_bundle
from tests.fuzz.arguments import PATHS, TEXTS, arguments, takes_path
from tests.fuzz.commands import TOOLS, call, check
from tests.fuzz.mutations import SMALL, misspell, mutated, paths
from tests.fuzz.outcome import attempt
from tests.fuzz.parts import settings
from tests.fuzz.profiles import fuzz

INFERENCE = ("--config", "c.yml", "--model_path", "weights", "--device", "cpu")
QUICK = ("--iters", "1", "--save_interval", "1", "--batch_size", "2", "--device", "cpu")
PLAIN = {**DESCRIPTION, "preprocessing": DESCRIPTION["preprocessing"][1:]}  # --tile takes it
SCORES = scores.scores((0.5, 0.6, [0.5, float("nan")], [0.5, 0.5], 0.4), ("a", "b"), 1)
IMAGE = "voc/VOC2012/JPEGImages/image0.jpg"


@pytest.fixture(scope="module")
def place(tmp_path_factory, pictures, backbone) -> Path:
    """A folder with a data set, a configuration, weights, and things of other kinds."""
    place = tmp_path_factory.mktemp("place") / "place"
    shutil.copytree(pictures, place / "voc")
    (place / "c.yml").write_text(yaml.safe_dump(settings("voc")))
    (place / "list.txt").write_text(f"{IMAGE[4:]} VOC2012/SegmentationClass/image0.png\n")
    (place / "file.txt").write_text("years of work")
    (place / "folder").mkdir()
    (place / "run").mkdir()
    (place / "run/metrics.csv").write_text("epoch,iteration,loss\n1,2,0.5\n")
    (place / "scores.json").write_text(json.dumps(SCORES))
    make_bundle(place / "bundle", PLAIN)
    (place / "weights").mkdir()
    model = SegBuilder(load(place / "c.yml")).model
    paddle.save(model.state_dict(), str(place / "weights/model.pdparams"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert call("val", [*INFERENCE, "--report", "report", "--worst", "1"])[0] == 0
    return place


@st.composite
def option(draw: st.DrawFn) -> str:
    """An item of --opts, near a right one."""
    key = ".".join(map(str, draw(st.sampled_from(paths(settings("voc"))))))
    key = misspell(draw, key) if draw(st.integers(0, 3)) == 0 else key
    return f"{key}={draw(SMALL)}" if draw(st.integers(0, 9)) else key


def lines(parser: argparse.ArgumentParser, *bases: tuple[str, ...]):
    return st.sampled_from(bases).flatmap(lambda base: arguments(parser, base, option()))


def parser_of(tool: str) -> argparse.ArgumentParser:
    return TOOLS[tool].parser()


TRAIN = ("--config", "c.yml", "--save_dir", "out", *QUICK)
LIST = ("--list", "list.txt", "--root", "voc", "--num_classes", "21", "--num_workers", "0")
FOLDERS = ("--images", "voc/VOC2012/JPEGImages", "--masks", "voc/VOC2012/SegmentationClass")
TOY = ("--root", "out", "--num_train", "2", "--num_val", "1", "--size", "41", "53")


@fuzz(fast=12, slow=1000, words=lines(parser_of("train"), TRAIN))
def test_train(tmp_path, place, child, words):
    child.call(check, "train", words, place, tmp_path)


@fuzz(fast=8, slow=700, words=lines(parser_of("val"), INFERENCE))
def test_val(tmp_path, place, child, words):
    child.call(check, "val", words, place, tmp_path)


PREDICT = (*INFERENCE, "--image_path", IMAGE, "--save_dir", "out")


@fuzz(fast=8, slow=700, words=lines(parser_of("predict"), PREDICT))
def test_predict(tmp_path, place, child, words):
    child.call(check, "predict", words, place, tmp_path)


@fuzz(
    fast=12,
    slow=1000,
    words=lines(
        parser_of("check_data"),
        LIST,
        ("--config", "c.yml", "--num_workers", "0"),
        (*FOLDERS, "--num_classes", "8", "--num_workers", "0"),
    ),
)
def test_check_data(tmp_path, place, child, words):
    child.call(check, "check_data", words, place, tmp_path)


@fuzz(fast=10, slow=500, words=lines(parser_of("prepare_voc"), ("--root", "out")))
def test_prepare_voc(tmp_path, place, child, words):
    child.call(check, "prepare_voc", words, place, tmp_path)


def toy_parser() -> argparse.ArgumentParser:
    """The options of make_toy_data, which keeps its parser to itself."""
    parser = argparse.ArgumentParser()
    for name, nargs in (("root", None), ("num_train", None), ("num_val", None), ("seed", None)):
        parser.add_argument(f"--{name}", nargs=nargs)
    parser.add_argument("--size", nargs=2)
    parser.add_argument("--variant", choices=toy_voc.VARIANTS)
    return parser


@fuzz(fast=10, slow=500, words=lines(toy_parser(), TOY))
def test_make_toy_data(tmp_path, place, child, words):
    child.call(check, "make_toy_data", words, place, tmp_path)


EXPORT = (*INFERENCE, "--save_dir", "out", "--formats", "paddle", "--image_path", IMAGE)


@fuzz(fast=1, slow=60, words=lines(parser_of("export"), EXPORT))  # seconds each
def test_export(tmp_path, place, child, words):
    child.call(check, "export", words, place, tmp_path)


INFER = ("--model", "bundle", "--save_dir", "out", IMAGE)


@fuzz(fast=8, slow=700, words=lines(parser_of("infer"), INFER, (*INFER, "--tile", "32")))
def test_infer(tmp_path, place, child, words):
    child.call(check, "infer", words, place, tmp_path)


@fuzz(fast=8, slow=500, words=lines(parser_of("score_table"), ("one=scores.json",)))
def test_score_table(tmp_path, place, child, words):
    child.call(check, "score_table", words, place, tmp_path)


@fuzz(fast=30, slow=2000, content=mutated(SCORES))
def test_files_of_scores(tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(content))
    attempt("files of scores", lambda: scores.markdown({"a": scores.load(path), "b": SCORES}))


@fuzz(fast=4, slow=300, words=lines(parser_of("plot"), ("run", "--output", "out.png")))
def test_plot(tmp_path, place, child, words):
    child.call(check, "plot", words, place, tmp_path)


ATTENTION = (*INFERENCE, "--image_path", IMAGE, "--save_dir", "out", "--points", "3,5")


@fuzz(fast=4, slow=300, words=lines(parser_of("attention"), ATTENTION))
def test_attention(tmp_path, place, child, words):
    child.call(check, "attention", words, place, tmp_path)


VISUALIZE = (*INFERENCE, "--save_dir", "out", "--num_images", "1")


@fuzz(fast=4, slow=300, words=lines(parser_of("visualize"), VISUALIZE))
def test_visualize(tmp_path, place, child, words):
    child.call(check, "visualize", words, place, tmp_path)


COMPARE = ("report", "report", "--resamples", "7")


@fuzz(fast=8, slow=500, words=lines(parser_of("compare"), COMPARE))
def test_compare(tmp_path, place, child, words):
    child.call(check, "compare", words, place, tmp_path)


BASES = {
    "train": TRAIN,
    "val": INFERENCE,
    "predict": PREDICT,
    "check_data": LIST,
    "prepare_voc": ("--root", "out"),
    "make_toy_data": TOY,
    "class_weights": ("--config", "c.yml", "--num_workers", "0"),
    "convert": ("--to", "torch", "--input", "weights/model.pdparams", "--output", "out.npz"),
    "plot": ("run",),
    "export": EXPORT,
    "infer": INFER,
    "score_table": ("one=scores.json",),
    "attention": ATTENTION,
    "visualize": VISUALIZE,
    "compare": COMPARE,
}


@pytest.mark.slow
@pytest.mark.parametrize("tool", BASES)
def test_every_odd_path(tmp_path, place, child, tool):
    parser = toy_parser() if tool == "make_toy_data" else parser_of(tool)
    failed = []
    for action in parser._actions:
        if not takes_path(action):
            continue
        for path in (*PATHS, *TEXTS):
            try:
                flag, base = action.option_strings[:1], BASES[tool]
                words = [*base, *flag, path] if flag else [path, *base[1:]]
                child.call(check, tool, words, place, tmp_path)
            except AssertionError as error:
                failed.append(f"{action.dest} {path[:40]!a}: {error}")
    assert not failed, "\n\n".join(failed)
