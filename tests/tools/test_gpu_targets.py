"""tools/gpu_targets.py on fat binaries written by hand."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PTX, CODE = 1, 2


def fat_binary(*entries: tuple[int, int, int]) -> bytes:
    """A fat binary with one entry of 64 header bytes per (kind, architecture, payload bytes)."""
    body = b"".join(
        struct.pack("<HHIQ12xI32x", kind, 0x101, 64, payload, architecture) + b"\7" * payload
        for kind, architecture, payload in entries
    )
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def targets(folder: Path, *libraries: bytes) -> "subprocess.CompletedProcess[str]":
    """Runs the tool where `paddle` is a folder with these libraries, whose import would fail."""
    package = folder / "paddle"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    for number, content in enumerate(libraries):
        (package / f"lib{number}.so").write_bytes(content)
    return subprocess.run(
        [sys.executable, str(ROOT / "tools/gpu_targets.py")],
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )


def test_counts_each_architecture_over_all_libraries(tmp_path: Path) -> None:
    first = fat_binary((CODE, 61, 1_100_000), (CODE, 86, 300_000), (PTX, 80, 0))
    second = fat_binary((CODE, 86, 500_000))
    result = targets(tmp_path, b"ELF..." + first + b"..." + second, b"\0" * 5 + second)
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert rows == [
        ["PTX", "for", "80", "1", "0.0"],
        ["code", "sm_61", "1", "1.1"],
        ["code", "sm_86", "3", "1.3"],
    ]


@pytest.mark.parametrize("garbage", [b"\x50\xed\x55\xba", b"\x50\xed\x55\xba" + b"\xff" * 40])
def test_the_magic_by_chance_is_no_fat_binary(tmp_path: Path, garbage: bytes) -> None:
    result = targets(tmp_path, b"x" * 64 + garbage)
    assert result.returncode == 1
    assert "CPU build" in result.stderr
    assert "Traceback" not in result.stderr
