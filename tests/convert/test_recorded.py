"""Whole networks, converted, against the logits that torch recorded: runs without torch."""

import numpy as np
import paddle
import pytest

from paddle_ann.convert import from_state
from tests.convert import recorded

PATHS = sorted(recorded.FOLDER.glob("*.npz"))


def test_every_source_is_there():
    assert {path.stem.split("_")[0] for path in PATHS} == {"mmseg", "authors", "tutorial"}
    assert len(PATHS) == 8


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_logits_are_the_peers(path):
    state, expected = recorded.load(path)
    model, report = from_state(state, path.stem.split("_")[0])
    (logits,) = model(paddle.to_tensor(recorded.image()))
    assert list(logits.shape) == list(expected.shape) and np.abs(expected).max() > 0.3
    assert np.abs(logits.numpy() - expected).max() < 1e-4 * max(1.0, np.abs(expected).max())


def test_a_swapped_tensor_shows():
    """The comparison is sharp enough to see one of 300 tensors."""
    state, expected = recorded.load(PATHS[0])
    name = next(n for n, a in state.items() if a.ndim == 4 and a.shape[2] == 3 and "layer3" in n)
    state[name] = state[name][..., ::-1].copy()
    model, _ = from_state(state, PATHS[0].stem.split("_")[0])
    (logits,) = model(paddle.to_tensor(recorded.image()))
    assert np.abs(logits.numpy() - expected).max() > 1e-2
