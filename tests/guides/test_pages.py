"""Each page of docs/guide, run from its first command to its last in a folder like a clone."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.datasets import camvid_trees
from tests.guides import pages
from tests.guides.pages import PAGES, ROOT, Step
from tests.test_readme import environment, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone, so that data/ and output/ do not land in this one."""
    for name in ("configs", "tools", "paddle_ann", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def camvid(clone: Path) -> None:
    """Nine frames to train on, two to validate, three to test: 11 classes in squares, and void."""
    label = np.kron(np.arange(12).reshape(3, 4), np.ones((13, 17), int))
    root = camvid_trees.segnet(clone / "data/camvid", label, (9, 2, 3))
    chance = np.random.default_rng(0)
    for split in ("train", "val", "test"):
        for frame in sorted((root / split).iterdir()):  # all different: none leaks
            camvid_trees.save(frame, chance.integers(0, 256, (*label.shape, 3)))


PREPARED = {"4-camvid": camvid}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_newcomer_gets_to_the_end(page: Path, clone: Path) -> None:
    PREPARED.get(page.stem, lambda clone: None)(clone)
    output = ""
    with Servers(clone) as servers:
        for step in pages.steps(page.read_text(encoding="utf-8")):
            place = f"{page.name}:{step.line}"
            if step.kind == "printed":
                missing = pages.unprinted(step.text, output)
                assert not missing, f"{place}: not printed: {missing}\n{output[-9000:]}"
                output = ""
            elif step.opened:
                output += servers.start(step)
            else:
                output += done(step, clone, place, servers)


def done(step: Step, clone: Path, place: str, servers: Servers) -> str:
    """Does one step and returns what it printed."""
    if step.kind == "saved":
        (clone / step.path).parent.mkdir(parents=True, exist_ok=True)
        (clone / step.path).write_text(step.text, encoding="utf-8")
        return ""
    if step.skipped:
        return ""
    text = servers.with_ports(step.run)
    result = subprocess.run(
        [sys.executable, "-c", text] if step.kind == "script" else ["bash", "-euc", text],
        cwd=clone,
        env=shell(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
    )
    assert result.returncode == step.code, f"{place}: {step.run}\n{result.stdout[-9000:]}"
    return result.stdout


def shell() -> dict[str, str]:
    """The environment of the reader's shell."""
    return {**environment(), "PYTHONIOENCODING": "utf-8", "NO_PROXY": "127.0.0.1"}


class Servers:
    """The servers of a page: each on a free port in place of the page's, until the page's end."""

    def __init__(self, clone: Path) -> None:
        self.clone = clone
        self.ports: dict[str, str] = {}
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)

    def start(self, step: Step) -> str:
        """Starts one, asks for the address in the page's table, and returns what it printed."""
        port = re.findall(r"--port (\d+)", step.run)
        assert len(port) == 1, f"{step.text!r} must name its --port"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.ports[port[0]] = str(free.getsockname()[1])
        log = self.clone / f"server-{port[0]}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", "exec " + self.with_ports(step.run)],
                cwd=self.clone,
                env=shell(),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        wait_for(self.with_ports(f"http://127.0.0.1:{port[0]}{step.opened}"), process)
        return log.read_text(encoding="utf-8", errors="replace")

    def with_ports(self, text: str) -> str:
        """A command with the ports that the servers have."""
        for page, free in self.ports.items():
            text = re.sub(rf"(--port |127\.0\.0\.1:){page}\b", rf"\g<1>{free}", text)
        return text
