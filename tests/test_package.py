"""What is installed: the metadata, the wheel's content, the public names, Python 3.9's syntax."""

import ast
import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*(ROOT / "paddle_ann").rglob("*.py"), *(ROOT / "tools").glob("*.py")])
PUBLIC = ["paddle_ann", "paddle_ann.nn", "paddle_ann.models", "paddle_ann.datasets"]

COMPARED_WITH = ("torch",)  # the peers' framework: benchmarks alone import it, if it is there


def requirements(name: str) -> dict[str, str]:
    """Package -> version specifier of a requirements file, comments and options left out."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    found = (re.fullmatch(r"([\w-]+)(.*)", line) for line in lines if line and line[0] != "-")
    return {match[1]: match[2] for match in found if match}


def run_python(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Runs this interpreter with the repository importable."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_import_prints_nothing_and_opens_no_thread_or_process(tmp_path: Path) -> None:
    code = (
        "import threading, multiprocessing, paddle_ann;"
        "assert threading.active_count() == 1, threading.enumerate();"
        "assert not multiprocessing.active_children()"
    )
    result = run_python("-c", code, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    ours = [line for line in result.stderr.splitlines() if "paddle_ann" in line]
    assert not ours, result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_source_is_python_3_9(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    assert not [node for node in ast.walk(tree) if type(node).__name__ in ("Match", "TryStar")]


@pytest.mark.parametrize("module_name", PUBLIC)
def test_public_names_exist_and_are_documented(module_name: str) -> None:
    module = importlib.import_module(module_name)
    names = getattr(module, "__all__", None)
    assert names, f"{module_name} has no __all__"
    for name in names:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert (thing.__doc__ or "").strip(), f"{module_name}.{name} has no docstring"
            assert len(thing.__doc__.strip()) > 20, f"{module_name}.{name}: {thing.__doc__!r}"


def test_every_module_imports() -> None:
    package = importlib.import_module("paddle_ann")
    for info in pkgutil.walk_packages(package.__path__, "paddle_ann."):
        if info.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(info.name)
        except ModuleNotFoundError as error:
            assert error.name in COMPARED_WITH, f"{info.name} needs {error.name}"


def test_cpu_and_gpu_requirements_agree() -> None:
    gpu, cpu = requirements("requirements.txt"), requirements("requirements-cpu.txt")
    assert gpu.pop("paddlepaddle-gpu") == "==2.6.2"
    assert cpu.pop("paddlepaddle") == "==3.3.1"
    assert gpu.pop("setuptools")  # for Paddle 2.6.2 alone
    assert gpu == cpu
    assert {"paddleseg", "numpy", "opencv-python", "visualdl"} <= set(cpu)


def test_pyproject_allows_the_pinned_versions() -> None:
    from packaging.requirements import Requirement

    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert listed
    bounds = {item.name: item for item in map(Requirement, re.findall(r'"(.+?)"', listed[1]))}
    for name, pin in requirements("requirements-cpu.txt").items():
        if name == "paddlepaddle":
            assert not [bound for bound in bounds if bound.startswith("paddlepaddle")]
        else:
            assert bounds[name].specifier.contains(pin[2:]), name
    for name, bound in requirements("constraints.txt").items():
        assert str(bounds[name].specifier) == bound, name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the package, built from a copy so that no build/ appears here."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "paddle_ann", folder / "paddle_ann", ignore=ignore)
    result = run_python(
        *("-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder / "dist")),
        str(folder),
        cwd=folder,
    )
    assert result.returncode == 0, result.stderr
    (path,) = (folder / "dist").glob("paddle_ann-*.whl")
    return path


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    modules = {name for name in names if name.endswith(".py")}
    assert modules == {
        str(path.relative_to(ROOT)) for path in (ROOT / "paddle_ann").rglob("*.py")
    }
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2 and "paddle_ann" in tops  # and paddle_ann-X.dist-info
    assert any(name.endswith("LICENSE") for name in names)


def test_wheel_carries_the_packages_version_and_no_paddle(wheel: Path) -> None:
    import paddle_ann

    assert wheel.name.split("-")[1] == paddle_ann.__version__
    archive = zipfile.ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith("METADATA")]
    lines = archive.read(metadata).decode().splitlines()
    needed = [line for line in lines if line.startswith("Requires-Dist:") and "extra" not in line]
    assert "Requires-Dist: paddleseg==2.8.0" in needed
    assert not [line for line in needed if "paddlepaddle" in line]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{paddle_ann.__version__}]" in changelog


@pytest.mark.slow
def test_pip_install_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    run_python("-m", "venv", str(tmp_path / "venv"), cwd=tmp_path)
    python = str(tmp_path / "venv/bin/python")

    def check(*arguments: str) -> str:
        result = subprocess.run(
            [python, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=1200
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    check("-m", "pip", "install", "-q", str(wheel))  # without Paddle: doctor says what is missing
    report = subprocess.run(
        [python, "-m", "paddle_ann", "doctor"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "paddlepaddle" in report.stdout and "pip install" in report.stdout
    check("-m", "pip", "install", "-q", f"paddle_ann[cpu] @ {wheel.as_uri()}")
    check("-m", "pip", "check")
    code = "import paddle_ann, cv2, paddleseg, visualdl; print(paddle_ann.models.ANN.__name__)"
    assert "ANN" in check("-c", code)
