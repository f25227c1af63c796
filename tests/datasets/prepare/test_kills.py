"""SIGKILL at any moment; the next run ends with the same bytes as one that was left alone."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from paddle_ann.datasets.prepare import prepare_voc

from .conftest import COUNTS, Archives, Server, digest

VICTIM = Path(__file__).with_name("victim.py")


def command(root: Path, options: dict[str, Any], step: int) -> list[str]:
    path = root.with_suffix(".json")
    plain = {
        k: dataclasses.asdict(v) if dataclasses.is_dataclass(v) else v for k, v in options.items()
    }
    path.write_text(json.dumps(plain, default=str))
    return [sys.executable, str(VICTIM), str(root), str(path), str(step)]


def run(root: Path, options: dict[str, Any], step: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(root, options, step), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def expected(archives: Archives, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("whole")
    prepare_voc(root, **archives.given())
    return digest(root)


@pytest.fixture(scope="module")
def steps(archives: Archives, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many changes an undisturbed run makes."""
    result = run(tmp_path_factory.mktemp("count") / "d", archives.given(), 0)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def killed_at(step: int, root: Path, archives: Archives, expected: dict[str, str]) -> None:
    options = archives.given()
    assert run(root, options, step).returncode == -9
    # Nothing unfinished where training looks, but the beginning of a list under another name.
    unfinished = {p.name for p in (root / "VOCdevkit").rglob("*.part")}
    assert unfinished <= {"aug.txt.part", "trainaug.txt.part"}
    assert prepare_voc(root, **options).counts == COUNTS
    assert digest(root) == expected, f"after a kill at step {step}"
    assert not [p for p in root.rglob("*") if p.suffix in (".part", ".mat") or "sbd" in p.parts]


@pytest.mark.parametrize("share", [0.1, 0.55, 0.8, 0.97])
def test_a_killed_run_is_completed(
    share: float, steps: int, archives: Archives, expected: dict[str, str], tmp_path: Path
) -> None:
    killed_at(max(1, int(share * steps)), tmp_path / "d", archives, expected)


@pytest.mark.slow
def test_killed_at_every_step(
    steps: int, archives: Archives, expected: dict[str, str], tmp_path: Path
) -> None:
    for step in range(1, steps + 1):
        killed_at(step, tmp_path / str(step), archives, expected)


@pytest.mark.slow
def test_killed_again_and_again(
    steps: int, archives: Archives, expected: dict[str, str], tmp_path: Path
) -> None:
    """Each run dies 7 changes after its start, so that the last ones go on from far ahead."""
    for count in range(1000):
        if run(tmp_path / "d", archives.given(), 7 + count // 7).returncode == 0:
            break
    assert count > 5
    assert digest(tmp_path / "d") == expected


def kill_while_downloading(
    root: Path, archives: Archives, server: Server, after_s: float, step: int = 0
) -> bool:
    """True if it was killed, False if it was done before."""
    server.piece = 20_000
    urls = {f"{n}_urls": (server.url("slow", p.name),) for n, p in _named(archives)}
    options = {**archives.options(**urls), "download": True}
    with subprocess.Popen(
        command(root, options, step), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 20
        while not list(root.glob("*.part")) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(after_s)
        process.kill()
    return process.returncode == -9


def _named(archives: Archives) -> list[tuple[str, Path]]:
    return [("voc", archives.voc_path), ("sbd", archives.sbd_path)]


def test_killed_while_downloading(
    archives: Archives, server: Server, expected: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "d"
    assert kill_while_downloading(root, archives, server, 0.7)
    part = next(root.glob("*.part"))
    assert part.stat().st_size > 0 and not part.with_suffix("").exists()
    urls = {f"{n}_urls": (server.url("plain", p.name),) for n, p in _named(archives)}
    prepare_voc(root, **archives.options(**urls), download=True)
    first = next(ranges for path, ranges, _ in server.asked if path.startswith("/plain"))
    assert first is not None and int(first[6:-1]) >= 16_384
    assert digest(root) == expected


@pytest.mark.slow
def test_killed_at_random_moments(
    archives: Archives, server: Server, expected: dict[str, str], tmp_path: Path
) -> None:
    chance = random.Random(0)
    kills = 0
    for number in range(4):
        root = tmp_path / str(number)
        while kill_while_downloading(root, archives, server, chance.uniform(0, 2.5)):
            kills += 1
        urls = {f"{n}_urls": (server.url("plain", p.name),) for n, p in _named(archives)}
        prepare_voc(root, **archives.options(**urls), download=True)
        assert digest(root) == expected
    assert kills > 5
