"""What the tests of reports share: random weights, and commands in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import paddle
import pytest

from tests.tools.conftest import ROOT, load_tool, options


def save_weights(pictures: Path, folder: Path, seed: int, *more: str) -> Path:
    """Saves random weights of the small toy model, as a checkpoint in a folder."""
    from paddleseg.cvlibs import SegBuilder

    from paddle_ann.config import load

    args = options(pictures, *more)
    paddle.seed(seed)
    model = SegBuilder(load(args[1], opts=args[args.index("--opts") + 1 :])).model
    folder.mkdir(parents=True)
    paddle.save(model.state_dict(), str(folder / "model.pdparams"))
    return folder


def call_here(tool: str, *args: str) -> int:
    """Runs a command in this process, which is seconds faster, and returns its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        command_line, module = load_tool("command_line"), load_tool(tool)
        patch.setattr(sys, "argv", [f"{tool}.py", *map(str, args)])
        return command_line.run(getattr(module, tool), module.parser())
