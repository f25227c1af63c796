"""`python -m paddle_ann doctor`, on a sound environment and on broken ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_ann import compat, doctor

ROOT = Path(__file__).resolve().parents[1]


def run(cwd, **env):
    return subprocess.run(
        [sys.executable, "-m", "paddle_ann", "doctor"],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


def test_sound(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "All is well" in done.stdout and done.stderr == ""
    assert all(f"  {fix.name} " in done.stdout for fix in compat.fixes())


def test_faults_without_the_fixes_are_problems(tmp_path):
    done = run(tmp_path, PADDLE_ANN_COMPAT="off")
    assert done.returncode == 1
    assert "The fault cross-entropy is here and not mended" in done.stdout


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("paddle", "raise ImportError('No module named paddle')", "paddle"),
        ("paddleseg", "raise ModuleNotFoundError('No module named paddleseg')", "paddleseg"),
        ("cv2", "raise ImportError('numpy.core.multiarray failed to import')", "built for numpy 1"),
        ("cv2", "raise ImportError('libGL.so.1: cannot open shared object')", "libgl1"),
    ],
)
def test_what_cannot_be_imported_is_named_and_what_to_install(tmp_path, name, body, message):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(body)
    done = run(tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert done.returncode == 1, done.stdout + done.stderr
    assert message in done.stdout and "FAILS" in done.stdout
    assert "python -m pip install " + " ".join(doctor.PINS) in done.stdout


def test_what_is_not_installed(monkeypatch):
    monkeypatch.setattr(doctor, "version_of", lambda names: None)
    monkeypatch.setattr(doctor, "import_error", lambda name: "ModuleNotFoundError: no")
    diagnosis = doctor.diagnose()
    assert "paddleseg is not installed." in diagnosis.problems


@pytest.mark.parametrize(
    ("version", "capability", "fits"),
    [
        ("2.6.2", (8, 0), True),
        ("2.6.2", (6, 0), False),
        ("2.6.2", (9, 0), False),
        ("3.3.1", (9, 0), True),
    ],
)
def test_gpu_generations(version, capability, fits):
    assert (doctor.gpu_problem(version, capability) is None) == fits


def test_pins_are_those_of_the_requirements():
    lines = (ROOT / "requirements-cpu.txt").read_text().splitlines()
    pins = {line.split("#")[0].strip() for line in lines if "==" in line}
    assert set(doctor.PINS) == pins
