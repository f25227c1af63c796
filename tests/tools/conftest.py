"""The commands, in a process of their own or in this one, on a data set of a few small pictures."""

from __future__ import annotations

import faulthandler
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import paddle
import pytest

from paddle_ann.datasets import toy_voc

ROOT = Path(__file__).resolve().parents[2]
CONFIG = next((ROOT / "configs/ann").glob("ann_resnet18_os8_toyvoc_*.yml"))
SMALL = ("model.inter_channels=16", "model.key_value_channels=8", "batch_size=2")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven pictures to train on, three to validate; not to be written to."""
    root = tmp_path_factory.mktemp("data") / "toy"
    return toy_voc.generate(root, num_train=7, num_val=3, size=(41, 53))


@pytest.fixture
def data(pictures: Path, tmp_path: Path) -> Path:
    """A copy of `pictures` to spoil."""
    return Path(shutil.copytree(pictures, tmp_path / "data"))


def options(data: Path, *more: str) -> list[str]:
    """The toy configuration on `data`, made smaller; `more` are --opts items."""
    roots = [f"{section}_dataset.dataset_root={data}" for section in ("train", "val")]
    return ["--config", str(CONFIG), "--device", "cpu", "--opts", *SMALL, *roots, *more]


def _process(tool: str, args: tuple[str, ...], cwd: Path) -> dict[str, Any]:
    """What `subprocess` needs to run tools/<tool>.py as a user would, from any folder."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(ROOT / "tools" / f"{tool}.py"), *args]
    return {"args": command, "cwd": cwd, "env": environment, "text": True}


def call(
    tool: str, *args: str, cwd: Path, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        **_process(tool, args, cwd), timeout=timeout, capture_output=True, check=False
    )


def start(tool: str, *args: str, cwd: Path) -> subprocess.Popen[str]:
    """Starts a command; everything it prints comes through `stdout`."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(**_process(tool, args, cwd), **streams)


def load_tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


Refusal = Callable[..., str]


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Refusal]:
    """Runs a command in this process; code 2 and a line or a table, which is returned, end it.

    A hang ends the test run after ten minutes. Reaching for the net is an error of its own kind.
    """
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    command_line = load_tool("command_line")

    def no_net(*args: object, **kwargs: object) -> None:
        raise ConnectionError("the command reached for the net")

    monkeypatch.setattr("socket.create_connection", no_net)
    monkeypatch.setattr("socket.getaddrinfo", no_net)
    monkeypatch.chdir(tmp_path)

    def run(tool: str, *args: str) -> str:
        module = load_tool(tool)
        monkeypatch.setattr(sys, "argv", [f"{tool}.py", *args])
        faulthandler.dump_traceback_later(600, exit=True)
        try:
            code = command_line.run(getattr(module, tool), module.parser())
        finally:
            faulthandler.cancel_dump_traceback_later()
        before, start, last = capfd.readouterr().err.rpartition(f"{tool}.py: error: ")
        assert code == 2 and start, before
        message, *table = last.strip().splitlines()
        assert not table or table[0].startswith("  key "), last
        assert "reached for the net" not in last
        return start + last.strip()

    yield run


@pytest.fixture(scope="module")
def weights(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights, the same whatever ran before, in a folder of its own."""
    from paddleseg.cvlibs import SegBuilder

    from paddle_ann.config import load

    paddle.seed(1)
    args = options(pictures)
    builder = SegBuilder(load(args[1], opts=args[args.index("--opts") + 1 :]))
    folder = tmp_path_factory.mktemp("trained")
    paddle.save(builder.model.state_dict(), str(folder / "model.pdparams"))
    return folder
