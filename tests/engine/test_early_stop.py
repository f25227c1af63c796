"""Early stopping: it ends with a reason and a checkpoint, and a resume knows how long it waited."""

from __future__ import annotations

import pytest

from paddle_ann.engine import Callback, Interrupted, TrainOptions
from paddle_ann.engine.loop import Loop
from tests.engine import toy
from tests.engine.test_resume import Signal


@pytest.fixture
def scores(monkeypatch):
    """Let evaluations, one after another, find these scores."""
    values: list[float] = []

    def scores_of(self, model, watch=None):
        return {"mIoU": values[self.run.iteration - 1], "accuracy": 0.5, "class_iou": [0.5] * 3}

    monkeypatch.setattr(Loop, "scores_of", scores_of)
    return values


def run(root, out, patience, min_delta=0.0, **given):
    options = TrainOptions(patience=patience, min_delta=min_delta)
    return toy.run(
        root, out, iters=9, save_interval=1, options=options, log_iters=9,
        val_dataset=toy.dataset(root, "val"), **given,
    )["result"]  # fmt: skip


@pytest.mark.parametrize(
    ("patience", "min_delta", "ends"), [(0, 0, 9), (2, 0, 4), (3, 0, 8), (2, 0.03, 4), (9, 0, 9)]
)
def test_it_ends_after_patience(root, tmp_path, scores, capsys, patience, min_delta, ends):
    scores[:] = [0.20, 0.25, 0.24, 0.25, 0.25, 0.10, 0.11, 0.12, 0.13]
    if patience == 3:
        scores[4] = 0.26  # the clock starts again
    if min_delta:
        scores[2:4] = [0.27, 0.28]  # better, but not enough
    result = run(root, tmp_path / "out", patience, min_delta)
    assert result.iteration == ends
    assert (result.stop_reason is None) == (ends == 9)
    assert (tmp_path / f"out/iter_{result.iteration}/model.pdopt").exists()
    if ends != 9:
        assert "did not reach a better mIoU" in result.stop_reason
        assert f"(patience {patience})" in result.stop_reason
        printed = capsys.readouterr().out
        assert f"Training ends at iteration {result.iteration}: {patience} evaluations" in printed


def test_the_wait_survives_a_resume(root, tmp_path, scores):
    scores[:] = [0.3, *[0.2] * 8]
    with pytest.raises(Interrupted):
        run(root, tmp_path / "out", 4, callbacks=[Signal(3)])
    result = run(root, tmp_path / "out", 4, resume_model="auto")
    assert (result.iteration, result.best["model"]) == (5, (0.3, 1))
    assert "0.3000 at iteration 1" in result.stop_reason


def test_what_had_ended_ends_at_once_unless_more_patience_is_given(root, tmp_path, scores):
    scores[:] = [0.3, *[0.2] * 8]
    assert run(root, tmp_path / "out", 2).iteration == 3
    seen = []

    class Steps(Callback):
        def on_step(self, run):
            seen.append(run.iteration)

    again = run(root, tmp_path / "out", 2, resume_model="auto", callbacks=[Steps()])
    assert (again.iteration, seen) == (3, [])
    more = run(root, tmp_path / "out", 4, resume_model="auto", callbacks=[Steps()])
    assert (more.iteration, seen) == (5, [4, 5])


def test_patience_needs_an_evaluation(root, tmp_path):
    with pytest.raises(ValueError, match=r"patience is 2, but nothing is evaluated: give val_data"):
        toy.run(root, tmp_path / "out", options=TrainOptions(patience=2))
