"""A tool's command line, run in a folder of its own and looked at."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from pathlib import Path

import pytest

from paddle_ann.datasets import toy_voc
from tests.fuzz.outcome import COUNTS, ROOT, named_error
from tests.tools.conftest import load_tool

sys.path.insert(0, str(ROOT / "tools"))
command_line = load_tool("command_line")
TOOLS = {
    name: load_tool(name)
    for name in (
        *("train", "val", "predict", "check_data", "prepare_voc", "make_toy_data"),
        *("class_weights", "convert", "plot", "export", "infer", "score_table"),
        *("attention", "visualize", "compare"),
    )
}


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def call(tool: str, words: list[str]) -> tuple[int, str]:
    """Runs a tool; an error that is none of ours fails the test."""
    module, problems = TOOLS[tool], []

    def watched(task):
        def run(*args, **kwargs):
            try:
                return task(*args, **kwargs)
            except Exception as error:
                problems.append((error, named_error(error)))
                raise

        return run

    work = {"prepare_voc": "prepare", "make_toy_data": "toy_voc"}.get(tool, tool)
    errors = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(errors):
        patch.setattr(sys, "argv", [f"{tool}.py", *words])
        if work == "toy_voc":
            patch.setattr(toy_voc, "generate", watched(toy_voc.generate))
        else:
            patch.setattr(module, work, watched(getattr(module, work)))
        try:
            code = end(tool, module)
        except SystemExit as error:
            code = error.code
    for error, problem in problems:
        if problem:
            raise AssertionError(f"{type(error).__name__}: {error}\n{problem}") from error
    return code, errors.getvalue()


def end(tool: str, module) -> int:
    if hasattr(module, "main"):
        return module.main()
    return command_line.run(getattr(module, tool), module.parser())


def check(tool: str, words: list[str], place: Path, folder: Path) -> None:
    """Runs a tool in a copy of `place`: how it ends, what it says, and that nothing is lost."""
    here = folder / "here"
    shutil.rmtree(here, ignore_errors=True)
    shutil.copytree(place, here)
    (here / "loop").symlink_to("loop")
    before = tree(here)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        code, said = call(tool, words)
    assert code in ((0, 1, 2) if tool in ("check_data", "infer") else (0, 2)), (code, said)
    assert "Traceback" not in said
    if code == 2:
        assert f"{tool}.py: error: " in said or tool == "make_toy_data" and "error: " in said
    after = tree(here)
    changed = [name for name, content in before.items() if after.get(name) != content]
    assert not changed, f"{changed} of the user's was changed"
    COUNTS[f"tool: {tool}", "refused" if code == 2 else "accepted"] += 1
