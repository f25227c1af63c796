"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import paddle
import pytest

import paddle_ann  # noqa: F401  mends PaddleSeg before any test imports from it

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real images and peers' outputs; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no folder {SHARED}")
    return SHARED


@pytest.fixture
def float64():
    """Build and compute in float64 for one test."""
    before = paddle.get_default_dtype()
    paddle.set_default_dtype("float64")
    yield
    paddle.set_default_dtype(before)


@pytest.fixture(autouse=True)
def _seed():
    paddle.seed(1)
