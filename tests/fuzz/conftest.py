"""The count of fuzz cases, at the end of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paddle
import pytest
from paddleseg.cvlibs import manager

from tests.compat import tiny
from tests.fuzz.child import Child
from tests.fuzz.outcome import COUNTS
from tests.fuzz.parts import register


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says how many cases ran, and how they ended."""
    totals: Counter[str] = Counter()
    properties: dict[str, Counter[str]] = {}
    for (name, end), count in COUNTS.items():
        totals[end] += count
        properties.setdefault(name, Counter())[end] += count
    if not properties:
        return
    terminalreporter.section("fuzz", sep="-")
    rows = [*sorted(properties.items()), ("all", totals)]
    for name, counts in rows:
        terminalreporter.write_line(
            f"{name:<24}{sum(counts.values()):>7} cases: {counts['accepted']:>6} accepted, "
            f"{counts['refused']:>6} refused by a named error"
        )


@pytest.fixture(autouse=True)
def _quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """Thousands of log lines are taken, and shown only where a test fails."""


@pytest.fixture(scope="module")
def backbone() -> Iterator[None]:
    """Registers FuzzBackbone for as long as a module's tests run."""
    register()
    yield
    del manager.BACKBONES.components_dict["FuzzBackbone"]


@pytest.fixture(scope="session")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A process for what may crash inside OpenCV or Paddle."""
    found = Child(tmp_path_factory.mktemp("child") / "log", register)
    yield found
    found.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Pascal VOC of five pictures of 37x41; not to be written to."""
    return tiny.write_voc(tmp_path_factory.mktemp("fuzz") / "voc", [f"image{i}" for i in range(5)])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The weights of a `tiny_model`."""
    path = tmp_path_factory.mktemp("weights") / "model.pdparams"
    paddle.save(tiny.tiny_model().state_dict(), str(path))
    return str(path)
