"""What the tests of the monitor share: data, and one training with everything told."""

from __future__ import annotations

import paddle
import pytest

from tests.engine import toy
from tests.monitor import logs


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "voc"
    toy.dataset(root)
    return root


@pytest.fixture(scope="session")
def told(root, tmp_path_factory):
    """The folder of an ANN's training of 8 updates, evaluated after 4 and 8."""
    out = tmp_path_factory.mktemp("told") / "out"
    with paddle.utils.unique_name.guard():
        paddle.seed(3)
        logs.run(root, out, model=logs.ann())
    return out
