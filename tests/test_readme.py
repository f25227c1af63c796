"""Every command and script in README.md runs for real, shortened by the substitutions below."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


class Block(NamedTuple):
    """One fenced block of README.md."""

    language: str
    text: str
    line: int


class Plan(NamedTuple):
    """What the test does with a block: (old, new) replacements, each of which must occur."""

    name: str
    contains: str
    replace: tuple[tuple[str, str], ...] = ()


BLOCKS = [
    Block(match[1], match[2], README.count("\n", 0, match.start()) + 1)
    for match in re.finditer(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
]
TOOLS = Plan(
    "tools",
    "python tools/make_toy_data.py",
    (
        ("make_toy_data.py", "make_toy_data.py --num_train 8 --num_val 3"),
        ("--do_eval", "--iters 2 --batch_size 2 --save_interval 2 --log_iters 1 --do_eval"),
    ),
)
PYTHON_API = Plan(
    "python",
    "import paddle_ann  # before",
    (
        ("steps = 500", "steps = 2"),
        ("batch_size=4", "batch_size=2"),
        ("save_interval=250", "save_interval=2"),
    ),
)
DOCTOR = Plan("doctor", "python -m paddle_ann doctor")
VISUALDL = Plan("visualdl", "python tools/vdl.py")
LOOK = Plan("look", "--report output/toy/report")
PADDLESEG_SCRIPT = Plan(
    "paddleseg script",
    "python -m paddle_ann run",
    (
        ("PATH/TO/PaddleSeg", os.environ.get("PADDLESEG_CLONE", "PATH/TO/PaddleSeg")),
        ("--save_dir", "--iters 2 --batch_size 2 --save_interval 2 --save_dir"),
    ),
)
CAMVID = Plan(
    "camvid",
    "--save_dir output/camvid",
    (
        ("--iters 100 --save_interval 100", "--iters 2 --batch_size 2 --save_interval 2"),
        ("iter_100", "iter_2"),
    ),
)
DATA = Plan("data", "python tools/check_data.py")
PLOT = Plan("plot", "python tools/plot.py")
MAKE = Plan("make", "make demo")  # not run here: `make test` runs this file, and makes .venv
PLANS = [TOOLS, PYTHON_API, DOCTOR, VISUALDL, LOOK, PADDLESEG_SCRIPT, CAMVID, DATA, PLOT, MAKE]


def block_of(plan: Plan) -> str:
    """The one block that the plan is for, with its replacements made."""
    (text,) = [block.text for block in BLOCKS if plan.contains in block.text]
    for old, new in plan.replace:
        assert old in text, f"README.md no longer says {old!r}"
        text = text.replace(old, new)
    return text


def environment() -> dict[str, str]:
    """The shell's environment after `source .venv/bin/activate`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


def run(command: list[str], cwd: Path) -> str:
    """Runs a command to its end and returns what it printed."""
    result = subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=500
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a clone, so that data/ and output/ do not land in this one."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("configs", "tools", "paddle_ann"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def after_tools(clone: Path) -> Path:
    """The same after the commands of "YAML and the tools"."""
    run(["bash", "-euc", block_of(TOOLS)], clone)
    return clone


def test_every_block_has_exactly_one_plan() -> None:
    for block in BLOCKS:
        plans = [plan.name for plan in PLANS if plan.contains in block.text]
        assert len(plans) == 1, f"README.md line {block.line}: {plans}"
    assert len(BLOCKS) == len(PLANS)


def test_tools_leave_the_files_that_readme_names(after_tools: Path) -> None:
    output = after_tools / "output/toy"
    assert (output / "best_model/model.pdparams").exists()
    assert (output / "iter_2/model.pdopt").exists()
    assert list(output.rglob("vdlrecords.*"))
    assert len(list((output / "predicted").rglob("*.png"))) >= 11  # 8 + 3 pictures


def test_data_is_looked_through(after_tools: Path) -> None:
    assert "images/min" in run(["bash", "-euc", block_of(DATA)], after_tools)
    assert "<html" in (after_tools / "output/toy_data.html").read_text(encoding="utf-8")


def test_report_panels_and_attention(after_tools: Path) -> None:
    run(["bash", "-euc", block_of(LOOK)], after_tools)
    output = after_tools / "output/toy"
    assert (output / "report/report.html").stat().st_size > 10_000
    assert list((output / "panels").rglob("*.png"))
    assert list((output / "attention").rglob("*.html"))


def test_curves_are_drawn(after_tools: Path) -> None:
    run(["bash", "-euc", block_of(PLOT)], after_tools)
    assert (after_tools / "output/toy/curves.png").stat().st_size > 10_000


def test_python_script(after_tools: Path) -> None:
    run([sys.executable, "-c", block_of(PYTHON_API)], after_tools)
    output = after_tools / "output/api"
    assert (output / "best_model/model.pdparams").exists()
    assert len(list((output / "predicted").rglob("*.png"))) >= 5


def test_doctor(clone: Path) -> None:
    output = run(["bash", "-euc", block_of(DOCTOR)], clone)
    assert "2.8.0" in output and "numpy" in output.lower()


def test_visualdl_command_serves_the_scalars(after_tools: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = f"{block_of(VISUALDL).strip()} --port {port}"
    server = subprocess.Popen(
        ["bash", "-c", "exec " + command],
        cwd=after_tools,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        tags = wait_for(f"http://127.0.0.1:{port}/app/api/scalar/tags", server)
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert "Train/loss" in tags and "Evaluate/mIoU" in tags, tags


def wait_for(url: str, server: "subprocess.Popen[str]", seconds: float = 60) -> str:
    """The answer of a server that is starting."""
    end = time.monotonic() + seconds
    while True:
        assert server.poll() is None, server.stdout and server.stdout.read()
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.read().decode()
        except OSError:
            assert time.monotonic() < end, f"no answer from {url} in {seconds} s"
            time.sleep(0.2)


@pytest.mark.slow
def test_camvid_commands(clone: Path, shared_dir: Path) -> None:
    (clone / "data").mkdir(exist_ok=True)
    (clone / "data/camvid").symlink_to(shared_dir / "data/camvid")
    run(["bash", "-euc", block_of(CAMVID)], clone)
    assert list((clone / "output/camvid/predicted").rglob("*.png"))


@pytest.mark.slow
@pytest.mark.skipif(
    "PADDLESEG_CLONE" not in os.environ, reason="set PADDLESEG_CLONE to a clone of PaddleSeg"
)
def test_paddleseg_script(after_tools: Path) -> None:
    run(["bash", "-euc", block_of(PADDLESEG_SCRIPT)], after_tools)
    assert (after_tools / "output/paddleseg/iter_2/model.pdparams").exists()


def test_links_and_pictures_exist() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert len(targets) > 5
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing
