"""Configurations with anything wrong: loaded and built, or refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import paddle
import yaml
from hypothesis import strategies as st
from paddleseg.cvlibs import SegBuilder

from paddle_ann.config import load
from paddle_ann.engine import train
from tests.fuzz.mutations import JUNK, SMALL, TEXTS, misspell, mutated, paths, spoilt_bytes
from tests.fuzz.outcome import attempt
from tests.fuzz.parts import CONFIGS, TOY, settings
from tests.fuzz.profiles import fuzz

LEAVES = sorted((CONFIGS / "ann").glob("*.yml"))
MERGED = {path.stem: load(path).dic for path in LEAVES}


@st.composite
def wrong_settings(draw: st.DrawFn) -> str:
    """A shipped configuration, merged, with something wrong, as YAML."""
    found = draw(mutated(MERGED[draw(st.sampled_from(sorted(MERGED)))]))
    return yaml.safe_dump(found, allow_unicode=draw(st.booleans()), sort_keys=False)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "c.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return path


@fuzz(fast=60, slow=2500, text=wrong_settings())
def test_settings(tmp_path, text):
    path = written(tmp_path, text)
    attempt("config: settings", lambda: load(path))


LINES = (
    *("\tx: 1", "- 1", "a: *b", "a: &b [*b]", "<<: {iters: 1}", "? [1]\n: 2", "---", "…", "\ufeff"),
    *("iters: 5", "_base_: c.yml", "a: !!python/name:os.system", "a: !!set {1}", "a: 1:2:3"),
    *("2026-11-25: x", "1: 2", "? {}\n: 1", "a: 2026-99-99", "%YAML 9.9", "a: !!binary é"),
    *("_inherited_: false", "a: !!int x", "a: !!timestamp x", "? &a [*a]\n: 1", "<<: 3", "<<: *x"),
)


@st.composite
def wrong_text(draw: st.DrawFn) -> bytes:
    """The text of a shipped YAML with lines or bytes changed."""
    source = draw(st.sampled_from([*LEAVES, *sorted((CONFIGS / "_base_").glob("*.yml"))]))
    lines = source.read_text(encoding="utf-8").splitlines()
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(lines)))
        lines[at:at] = [draw(st.sampled_from(LINES) | st.text(max_size=9))]
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    return draw(spoilt_bytes(content)) if draw(st.booleans()) else content


@fuzz(fast=60, slow=2500, content=wrong_text())
def test_text(tmp_path, content):
    folder = tmp_path / "configs/ann"
    if not folder.exists():
        shutil.copytree(CONFIGS / "_base_", tmp_path / "configs/_base_")
        folder.mkdir()
    path = written(folder, content)
    attempt("config: text", lambda: load(path))


NAMES = ["c.yml", "./c.yml", "b.yml", ".", "/", "/dev/null", "link.yml", "d.yml", "x" * 300]
BASES = st.recursive(
    TEXTS | st.sampled_from(NAMES), lambda inner: st.lists(inner, max_size=3), max_leaves=3
)


@fuzz(fast=25, slow=800, base=BASES | JUNK, second=BASES | JUNK)
def test_bases(tmp_path, base, second):
    (tmp_path / "d.yml").mkdir(exist_ok=True)
    link = tmp_path / "link.yml"
    link.is_symlink() or link.symlink_to("c.yml")
    (tmp_path / "b.yml").write_text(yaml.safe_dump({"_base_": second, "iters": 3}))
    path = written(tmp_path, yaml.safe_dump({**MERGED[TOY.stem], "_base_": base}))
    attempt("config: _base_", lambda: load(path))


@st.composite
def wrong_option(draw: st.DrawFn) -> str:
    """An item of --opts, near a right one or far from it."""
    key = ".".join(map(str, draw(st.sampled_from(paths(MERGED[TOY.stem])))))
    if draw(st.booleans()):
        key = misspell(draw, key)
    values = st.text(max_size=8) | JUNK.map(repr) | st.sampled_from(["(" * 300, "[" * 9999, "-"])
    value = draw(values)
    return draw(st.sampled_from([f"{key}={value}", f"{key}={value}", value, f"{key}{value}"]))


NUMBERS = st.sampled_from([None, None, None, 0, -1, 1, 2.5, float("nan"), 10**30])


@fuzz(
    fast=40,
    slow=2000,
    opts=st.lists(wrong_option(), max_size=3),
    numbers=st.tuples(NUMBERS, NUMBERS, NUMBERS),
)
def test_options(opts, numbers):
    given = dict(zip(("learning_rate", "iters", "batch_size"), numbers))
    attempt("config: --opts", lambda: load(TOY, opts=opts, **given))


PARTS = ("train_dataset", "val_dataset", "model", "optimizer", "loss")


def more_settings(root: str) -> dict:
    """`settings`, with more of what users write."""
    found = settings(root)
    found["loss"]["types"][0].update(weight=None, avg_non_ignore=True)
    found["train_dataset"]["transforms"][:0] = [
        {"type": "ResizeStepScaling", "min_scale_factor": 0.5, "max_scale_factor": 2.0},
        {"type": "RandomPaddingCrop", "crop_size": [32, 32]},
        {"type": "RandomDistort", "brightness_range": 0.4},
    ]
    found["optimizer"]["grad_clip_cfg"] = {"name": "ClipGradByGlobalNorm", "clip_norm": 1.0}
    found["model"].update(psp_size=[1, 3], backbone_indices=[2, 3], align_corners=False)
    found["test_config"] = {"aug_eval": True, "scales": [1.0], "flip_horizontal": True}
    found["train_options"] = {"accumulate": 1, "freeze": ["backbone"], "patience": 0}
    return found


def build(path: Path) -> SegBuilder:
    """Builds every part of a training."""
    builder = SegBuilder(load(path))
    for name in PARTS:
        if name != "val_dataset" or builder.config.dic.get(name):
            getattr(builder, name)
    return builder


@fuzz(fast=25, slow=1200, found=mutated(more_settings("ROOT"), SMALL, most=1))
def test_building(tmp_path, backbone, pictures, found):
    path = written(tmp_path, yaml.safe_dump(found).replace("ROOT", str(pictures)))
    attempt("config: building", lambda: build(path))


def one_iteration(path: Path, folder: Path) -> None:
    """One update and one evaluation by a file."""
    builder = build(path)
    config = builder.config
    from paddle_ann import session

    options = session.train_options(config, session.Namespace())
    train(
        builder.model,
        builder.train_dataset,
        builder.val_dataset if config.dic.get("val_dataset") else None,
        builder.optimizer,
        losses=builder.loss,
        iters=1,
        batch_size=min(config.batch_size, 2),
        save_interval=1,
        save_dir=folder,
        test_config=config.test_config,
        options=options,
    )


@fuzz(fast=0, slow=250, found=mutated(more_settings("ROOT"), SMALL, most=1))
def test_training(tmp_path, backbone, pictures, found):
    path = written(tmp_path, yaml.safe_dump(found).replace("ROOT", str(pictures)))
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    paddle.seed(1)
    attempt("config: training", lambda: one_iteration(path, tmp_path / "out"))
