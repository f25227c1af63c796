"""Starts `job.py` or a tool in several processes, and reads what they leave."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.engine import toy

ROOT = Path(__file__).resolve().parents[2]
JOB = ROOT / "tests/engine/job.py"


def core_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def command(out: Path, *script: str, nproc: int = 2, more: tuple[str, ...] = ()) -> list[str]:
    launcher = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", str(nproc)]
    return [*launcher, "--log_dir", f"{out}_log", *more, *map(str, script)]


def call(words: list[str]) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=400)


def launch(root: Path, out: Path, nproc: int = 2, **options) -> subprocess.CompletedProcess:
    return call(command(out, JOB, root, out, json.dumps(options), nproc=nproc))


def alone(root: Path, out: Path, **options) -> dict:
    done = call([sys.executable, str(JOB), str(root), str(out), json.dumps(options)])
    assert done.returncode == 0, done.stderr
    return json.loads((out / "found.0.json").read_text())


def found(out: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(out.glob("found.*.json"))]


def worker(out: Path, rank: int) -> str:
    return Path(f"{out}_log/workerlog.{rank}").read_text(errors="replace")


def assert_ended_alike(one: Path, other: Path) -> None:
    assert found(one) == found(other)
    toy.assert_same(toy.arrays(one / "iter_8"), toy.arrays(other / "iter_8"))
    for name in ("best_model/model.pdparams", "ema_best_model/ema_model.pdparams"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
