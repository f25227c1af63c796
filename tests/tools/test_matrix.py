"""tools/matrix.py on environments that are this interpreter: its table and its exit status."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENV_SCRIPT = """#!/bin/sh
[ "$2" != broken ] || exit 1
mkdir -p "$1/bin" && printf '#!/bin/sh\\nexec %s "$@"\\n' "$REAL_PYTHON" >"$1/bin/python"
chmod +x "$1/bin/python"
"""


@pytest.fixture
def matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, with three rows of its own and a stand-in for tools/venv.sh."""
    spec = importlib.util.spec_from_file_location("matrix_tool", ROOT / "tools/matrix.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/venv.sh").write_text(VENV_SCRIPT)
    (tmp_path / "tools/venv.sh").chmod(0o755)
    failing = "print('==== 1 failed, 3 passed in 0.25s ===='); raise SystemExit(1)"
    rows = {
        "good": module.Row(["x"], ["-c", "print('2 passed, 1 skipped in 0.01s')"], "tests"),
        "bad": module.Row(["x"], ["-c", failing], "tests"),
        "uninstallable": module.Row(["broken"], ["-c", "print('9 passed in 1s')"], "tests"),
    }
    monkeypatch.setattr(module, "MATRIX", rows)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setitem(os.environ, "REAL_PYTHON", sys.executable)
    return module


def run(
    matrix: ModuleType, capfd: pytest.CaptureFixture[str], *names: str
) -> tuple[int, dict[str, str]]:
    """Runs rows; returns the exit status and the table's lines by name."""
    old, sys.argv = sys.argv, ["matrix.py", *names]
    try:
        status = matrix.main()
    finally:
        sys.argv = old
    table = capfd.readouterr().out.split("environment  what")[1].splitlines()[1:]
    return status, {line.split()[0]: " ".join(line.split()[1:]) for line in table}


def test_table_and_status(matrix: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    status, table = run(matrix, capfd)
    assert status == 2
    assert table["good"].startswith("tests passed")
    assert table["good"].endswith("2 passed, 1 skipped in 0.01s")
    assert table["bad"].startswith("tests FAILED")
    assert table["bad"].endswith("1 failed, 3 passed in 0.25s")
    assert "FAILED" in table["uninstallable"] and "9 passed" not in table["uninstallable"]


def test_only_the_named_rows(matrix: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    status, table = run(matrix, capfd, "good")
    assert status == 0 and list(table) == ["good"]


def test_unknown_row(matrix: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(matrix, capfd, "goood")
    assert "goood" in capfd.readouterr().err
