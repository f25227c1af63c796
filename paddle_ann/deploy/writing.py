"""The files of an exported folder around the graphs, and how the folder takes its place."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from paddle_ann.checkpoint.files import hash_file, remove, sync_tree, walk_files
from paddle_ann.deploy import runner
from paddle_ann.deploy.runner.description import DESCRIPTION, SUMS, read_sums
from paddle_ann.deploy.runner.engines import PARAMETERS, PROGRAMS
from paddle_ann.paths import check_folder, check_utf8

RUN = '''"""Segments images with this bundle: `python run.py image.jpg --output masks`."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the folder stays as it was exported

from runner.command import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent))
'''


def write_runner(folder: Path) -> None:
    """Copy the runner into the folder, and the script that starts it."""
    source = Path(runner.__file__).parent
    shutil.copytree(source, folder / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "run.py").write_text(RUN, encoding="utf-8")


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Write what the bundle says about itself, and the checksums of all its files."""
    text = json.dumps(description, indent=1, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    names = [name for name in walk_files(folder) if name != SUMS]
    sums = "".join(f"{hash_file(folder / name)}  {name}\n" for name in names)
    (folder / SUMS).write_text(sums, encoding="utf-8")


def write_deploy_yaml(folder: Path, steps: Sequence[dict[str, Any]], output: str) -> None:
    """Write `deploy.yaml`, which PaddleSeg's deploy/python/infer.py reads.

    Args:
        folder: holds the Paddle graph.
        steps: how images are prepared.
        output: the first of the graph's outputs, which that script takes.
    """
    program = next(name for name in PROGRAMS if (folder / name).is_file())
    content = {
        "Deploy": {
            "model": program,
            "params": PARAMETERS,
            "transforms": [dict(step) for step in steps],
            "input_shape": [-1, 3, -1, -1],
            "output_op": "none" if output == "logits" else output,
            "output_dtype": "int32" if output == "argmax" else "float32",
        }
    }
    (folder / "deploy.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def read_deploy_yaml(folder: Path) -> list[dict[str, Any]]:
    """Read the preparation back."""
    content = yaml.safe_load((folder / "deploy.yaml").read_text(encoding="utf-8"))
    return list(content["Deploy"]["transforms"])


def remove_paddle(folder: Path) -> None:
    """Remove Paddle's graph, once it is converted and not wanted itself."""
    for name in (*PROGRAMS, PARAMETERS, f"{PARAMETERS}.info"):
        (folder / name).unlink(missing_ok=True)


# -- taking the place -----------------------------------------------------------------------------


def check_place(path: Path, overwrite: bool) -> None:
    """Raise unless an export may be put at `path`.

    Raises:
        FileExistsError: if something stands there that may not be replaced: anything, or with
            `overwrite` anything but a whole export with no other files in it.
        ValueError: if the system, or Paddle, refuses the path.
    """
    check_folder(path, "the folder of the export")
    check_utf8(path, "the folder of the export", "Paddle")
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise FileExistsError(
            f"{path} exists, and nothing is overwritten: give another path, or overwrite=True "
            "(--overwrite) to replace an export."
        )
    if path.is_symlink() or not (path / DESCRIPTION).is_file() or not (path / SUMS).is_file():
        raise FileExistsError(
            f"{path} is no export, so it is not overwritten; give another path, or remove it "
            "yourself."
        )
    known = {SUMS, *read_sums(path)}
    others = [n for n in walk_files(path) if n not in known and "__pycache__" not in n]
    if others:
        raise FileExistsError(
            f"{path} holds files that no export wrote ({', '.join(others[:5])}), so it is not "
            "overwritten; move them away first."
        )


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Make a folder beside `path` to write in; what is still there at the end is removed."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    draft.mkdir(parents=True)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def publish(draft: Path, path: Path, overwrite: bool) -> None:
    """Put a finished folder in its place; what it replaces is removed last.

    Raises:
        FileExistsError: as `check_place`.
    """
    sync_tree(draft)
    check_place(path, overwrite)
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    replacing = os.path.lexists(path)
    if replacing:
        os.rename(path, old)
    try:
        os.rename(draft, path)
    except BaseException:
        if replacing:
            os.rename(old, path)
        raise
    if replacing:
        remove(old)
