"""Every command of docs/guide is one that the tools accept; the table of each page is honest."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
from pathlib import Path

import pytest

from paddle_ann.config import load
from tests.guides import pages
from tests.guides.pages import PAGES, ROOT, Step
from tests.tools.conftest import load_tool

TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in PAGES}
COMMANDS = [
    pytest.param(name, step, id=f"{name}:{step.line}")
    for name, text in TEXTS.items()
    for step in pages.steps(text)
    if step.kind == "command"
]
# What may be left out: it makes an environment, or enters one.
ENVIRONMENT = ("git clone ", "cd ", "make venv", "source ", "pip install ")
PROGRAMS = ("curl", "ls")
MADE = {"output/export/run.py": "tools/export.py"}  # scripts that a command of ours writes


def saved_by(name: str) -> dict[str, str]:
    return {step.path: step.text for step in pages.steps(TEXTS[name]) if step.kind == "saved"}


def parsed(tool: str, arguments: list[str]) -> argparse.Namespace:
    """The options as the tool's own parser takes them."""
    module = load_tool("train_parser" if tool == "train" else tool)
    if hasattr(module, "parser"):
        return module.parser().parse_args(arguments)
    return module.parse_args(arguments)


@pytest.fixture(autouse=True)
def _as_in_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))


def test_there_are_five_pages() -> None:
    assert [name[0] for name in TEXTS] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(("name", "step"), COMMANDS)
@pytest.mark.parametrize("form", ["text", "run"])
def test_a_tool_accepts_it(name: str, step: Step, form: str, tmp_path: Path) -> None:
    if form == "run" and (step.skipped or step.run == step.text):
        return
    words = shlex.split(getattr(step, form), comments=True)
    if step.skipped:
        assert step.text.startswith(ENVIRONMENT), f"{step.text!r} makes no environment: run it"
    elif words[0] != "python":
        assert words[0] in PROGRAMS and shutil.which(words[0])
    elif words[1] == "-m":
        assert words[2:] == ["paddle_ann", "doctor"]
    elif words[1].startswith("tools/"):
        args = parsed(Path(words[1]).stem, words[2:])
        if step.code != 2:  # else the page shows what a mistake gives
            check_options(name, args, tmp_path, whole=words[1] != "tools/check_data.py")
    elif words[1] in MADE:
        assert MADE[words[1]] in TEXTS[name]
    else:
        assert words[1] in saved_by(name) or (ROOT / words[1]).is_file()


def check_options(name: str, args: argparse.Namespace, folder: Path, whole: bool) -> None:
    """The configuration is in the clone or saved by the page, and has the settings of --opts.

    If it need not be whole, a file of configs/_base_ will do.
    """
    config = getattr(args, "config", None)
    if not config:
        return
    path = ROOT / config
    if config in saved_by(name):
        path = folder / config
        path.parent.mkdir(parents=True)
        path.write_text(saved_by(name)[config], encoding="utf-8")
        (folder / "configs").symlink_to(ROOT / "configs")
    if whole:
        load(path, opts=getattr(args, "opts", None))
    assert path.is_file()


@pytest.mark.parametrize("name", TEXTS)
def test_what_the_test_runs_instead_stands_in_the_page(name: str) -> None:
    """`steps` raises for a row of the table that does not belong to exactly one command."""
    steps = pages.steps(TEXTS[name])
    changed = [s for s in steps if s.skipped or s.opened or s.run not in ("", s.text)]
    assert len(changed) <= len(pages.rows(TEXTS[name]))
    assert any(step.kind == "printed" for step in steps)


@pytest.mark.parametrize("name", TEXTS)
def test_every_fence_is_a_block(name: str) -> None:
    fences = [line for line in TEXTS[name].splitlines() if line.lstrip().startswith("```")]
    blocks = len(re.findall(r"^```\w+\n.*?^```$", TEXTS[name], re.DOTALL | re.MULTILINE))
    assert len(fences) == 2 * blocks


@pytest.mark.parametrize("name", TEXTS)
def test_links_and_pictures_exist_and_pages_follow_each_other(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", TEXTS[name])
    for target, place in links:
        path = ROOT / "docs/guide" / (target or f"{name}.md")
        assert path.exists(), f"{target} does not exist"
        assert not place or place in places(path), f"{target} has no heading #{place}"
    targets = {target for target, _ in links}
    assert any(target.endswith(".png") for target in targets)
    following = [path.name for path in PAGES if path.stem > name][:1]
    assert set(following) <= targets


def places(path: Path) -> set[str]:
    """The names by which GitHub links to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


PAGE = """
```bash
python a.py --long 500 \\
    --save x  # a remark
# another
python b.py
```
```text
loss: 1.25 at 3/500
```

## How this page is tested

| in the page | in the test |
|---|---|
| `500` | `2` |
| `b.py` | not run: it makes an environment |
"""


def test_a_page_is_taken_apart() -> None:
    first, second, printed = pages.steps(PAGE)
    assert first.run == "python a.py --long 2 --save x # a remark" and first.line == 3
    assert (second.skipped, second.line) == ("it makes an environment", 6)
    assert pages.unprinted(printed.text, "\tloss: 9 at 1/2\n") == []
    assert pages.unprinted("loss: 3\nend … here", "end, and it is here") == ["loss: 3"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("`500` |", "`gone` |", "found in \\[\\]"),
        ("`500` |", "`python` |", "found in \\[3, 6\\]"),
        ("not run: it", "it", "neither"),
        ("```text", "```ini", "block of 'ini'"),
        ("## How", "## Why", "is missing"),
        ("python b.py\n", "python b.py \\\n", "goes on beyond"),
    ],
)
def test_what_does_not_belong_is_an_error(old: str, new: str, message: str) -> None:
    assert old in PAGE
    with pytest.raises(ValueError, match=message):
        pages.steps(PAGE.replace(old, new))
