"""Arguments of `TrainOptions` and `train`: taken, or refused by name before the first update."""

from __future__ import annotations

import shutil

from hypothesis import strategies as st

from paddle_ann.engine import TrainOptions
from tests.engine import toy
from tests.fuzz.mutations import JUNK, TEXTS
from tests.fuzz.outcome import attempt
from tests.fuzz.profiles import fuzz

WORDS = ["stop", "skip", "rollback", "backbone", "cls", "fp16", "bf16", "auto", "O2", "stem"]
VALUES = JUNK | st.sampled_from([*WORDS, *([word] for word in WORDS), b"", (), {1}, object(), 1j])
NAMES = tuple(TrainOptions.__dataclass_fields__)


@fuzz(
    fast=100,
    slow=5000,
    given=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3),
    section=JUNK | st.dictionaries(st.sampled_from(NAMES) | TEXTS, VALUES, max_size=3),
)
def test_options(given, section):
    attempt("TrainOptions", lambda: TrainOptions(**given))
    if isinstance(section, dict):
        attempt("TrainOptions: YAML", lambda: TrainOptions.from_dict(section))


# Small counts alone, for what is accepted is run.
SMALL = st.sampled_from(
    [None, 0, 1, 2, 3, -1, 0.5, 1.0, float("nan"), True, False, "", "1", "a", "auto", [], {}]
    + [*WORDS, (1, 2), {"aug_eval": True}, {"is_slide": True}, {"scales": "a"}, {"a": 1}, object()]
)
ARGUMENTS = (
    *("iters", "batch_size", "save_interval", "log_iters", "num_workers", "keep_checkpoint_max"),
    *("precision", "amp_level", "profiler_options", "test_config", "optimizer", "losses"),
    *("train_dataset", "val_dataset", "use_ema", "use_vdl", "resume_model", "save_dir"),
    *("options", "callbacks", "model"),
)


# Thousands of trainings of one process fork no readers: a lock that another thread holds at that
# moment stays locked in the fork.
WRONG = st.dictionaries(st.sampled_from(ARGUMENTS), SMALL, min_size=1, max_size=2).filter(
    lambda given: given.get("num_workers") not in (1, 2, 3)
)


@fuzz(fast=15, slow=800, given=WRONG)
def test_train(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)

    def run() -> None:
        small = {"iters": 1, "save_interval": 1, "log_iters": 1, "batch_size": 2, **given}
        root = tmp_path / "voc"
        train_arguments = {**toy.make(), "train_dataset": toy.dataset(root), **small}
        train_arguments.setdefault("save_dir", str(tmp_path / "out"))
        toy.train(**train_arguments)

    attempt("train", run)
