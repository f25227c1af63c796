"""tools/venv.sh with a stand-in for Python, so that nothing is installed: what it does when."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Answers the version probe, `-m venv DIR`, pip and the import check; notes what it was asked.
FAKE_PYTHON = """#!/usr/bin/env bash
echo "$*" >>"{log}"
case "$*" in
    --version) echo "Python {version}" ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip install"*) exit ${{FAKE_PIP_STATUS:-0}} ;;
    "-m pip check") exit ${{FAKE_CHECK_STATUS:-0}} ;;
    *"import zlib"*) exit ${{FAKE_IMPORT_STATUS:-0}} ;;
esac
"""


class Clone:
    """A folder with the script, pins and a stand-in for Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.venv = folder / ".venv"
        (folder / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools/venv.sh", folder / "tools")
        for path in [*ROOT.glob("requirements*.txt"), *ROOT.glob("constraints.txt")]:
            shutil.copy(path, folder)
        shutil.copy(ROOT / "pyproject.toml", folder)
        self.python = self.add_python("3.11.7")

    def add_python(self, version: str) -> Path:
        path = self.folder / f"python{version}"
        path.write_text(FAKE_PYTHON.format(log=self.log, version=version))
        path.chmod(0o755)
        return path

    def run(self, **environment: object) -> "subprocess.CompletedProcess[str]":
        self.log.write_text("")
        settings = {"PYTHON": str(self.python), **{k: str(v) for k, v in environment.items()}}
        return subprocess.run(
            [str(self.folder / "tools/venv.sh"), ".venv", "-r", "requirements-cpu.txt"],
            env={**os.environ, **settings},
            cwd="/",
            capture_output=True,
            text=True,
        )

    def installs(self) -> int:
        """How often pip was asked to install something in the last run."""
        return self.log.read_text().count("-m pip install")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "a clone")  # with a space


def test_second_run_installs_nothing(clone: Clone) -> None:
    first = clone.run()
    assert first.returncode == 0, first.stderr
    assert clone.installs() == 1
    (clone.venv / "mine").touch()
    second = clone.run()
    assert (second.returncode, second.stdout, clone.installs()) == (0, "", 0)
    assert (clone.venv / "mine").exists()


@pytest.mark.parametrize("fault", ["FAKE_PIP_STATUS", "FAKE_CHECK_STATUS", "FAKE_IMPORT_STATUS"])
def test_an_environment_that_failed_is_made_anew(clone: Clone, fault: str) -> None:
    failed = clone.run(**{fault: 1})
    assert failed.returncode == 1
    assert ".venv" in failed.stderr or "pip could not install" in failed.stderr
    (clone.venv / "half a package").touch()
    again = clone.run()
    assert again.returncode == 0, again.stderr
    assert clone.installs() == 1
    assert not (clone.venv / "half a package").exists()


def test_a_folder_of_the_users_is_refused_and_kept(clone: Clone) -> None:
    clone.venv.mkdir()
    (clone.venv / "mine").write_text("precious")
    result = clone.run()
    assert result.returncode == 1
    assert "was not made by tools/venv.sh" in result.stderr
    assert [path.name for path in clone.venv.iterdir()] == ["mine"]
    assert clone.installs() == 0


def test_changed_pins_and_another_python_make_it_anew(clone: Clone) -> None:
    assert clone.run().returncode == 0
    with (clone.folder / "constraints.txt").open("a") as file:
        file.write("six<2\n")
    assert clone.run().returncode == 0
    assert clone.installs() == 1
    assert clone.run(PYTHON=clone.add_python("3.12.1")).returncode == 0
    assert clone.installs() == 1
    assert clone.run(PYTHON="").returncode == 0  # no wish: the one that is there will do
    assert clone.installs() == 0


def test_lint_settings_do_not_make_it_anew(clone: Clone) -> None:
    assert clone.run().returncode == 0
    pyproject = clone.folder / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("line-length = 100", "line-length = 99"))
    assert clone.run().returncode == 0
    assert clone.installs() == 0


def test_without_a_usable_python_it_says_which_are(clone: Clone) -> None:
    result = clone.run(PYTHON="/nowhere/python3.7")
    assert result.returncode == 1
    assert "/nowhere/python3.7" in result.stderr and "3.9 to 3.12" in result.stderr
    assert not clone.venv.exists()
