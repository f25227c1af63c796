"""`run.json`: what was trained, with what, on what, and how it ended; a part for each start."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import paddle
import psutil
from paddleseg.utils import logger

from paddle_ann.benchmark import environment
from paddle_ann.checkpoint.files import replacing
from paddle_ann.engine.callback import Callback, Run
from paddle_ann.engine.earlier import move_aside, told
from paddle_ann.engine.fingerprint import plain
from paddle_ann.monitor import facts

NAME = "run.json"
PACKAGES = (
    *("paddlepaddle", "paddlepaddle-gpu", "paddleseg", "numpy", "opencv-python"),
    *("visualdl", "pillow", "protobuf"),
)
# The only environment variables that are written down: those that change what is computed.
VARIABLES = re.compile(
    r"CUDA_VISIBLE_DEVICES|FLAGS_\w+|(OMP|MKL|KMP|OPENBLAS)_\w+|PADDLE_ANN_COMPAT"
    r"|PADDLE_TRAINERS_NUM|PADDLE_TRAINER_ID|PYTHONHASHSEED|NVIDIA_TF32_OVERRIDE"
)
_SECRET = re.compile(
    r"(password|passwd|passphrase|token|secret|credentials?|api_?key|(^|[-_])auth(orization)?)$",
    re.IGNORECASE,
)
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)(?:[^\s/@]*@)?([^\s?#]*)(?:[?#]\S*)?", re.IGNORECASE)
HIDDEN = "(left out)"


class Manifest(Callback):
    """Writes `run.json` at the start of a training, and at its end how that was.

    A training that is resumed adds a part. No environment variable but those of `VARIABLES` is
    written down; of URLs neither user, password nor query; and no value whose name says that it is
    a secret.

    Args:
        arguments: of `train`.
        configuration: the merged YAML; empty if there is none.
        fingerprint: what the training consists of; see `engine.fingerprint`.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any],
        configuration: Mapping[str, Any],
        fingerprint: Mapping[str, Any],
    ) -> None:
        self.arguments, self.configuration = arguments, configuration
        self.fingerprint = fingerprint
        self._parts: list[dict[str, Any]] = []

    def on_start(self, run: Run) -> None:
        """Add this part."""
        if not run.is_main:
            return
        path = run.save_dir / NAME
        if run.iteration == 0 and told(run.save_dir):  # by a training that has left no checkpoint
            moved = move_aside(run.save_dir, told(run.save_dir))
            logger.warning(f"Moved to {moved}: what another training has told about itself.")
        self._parts = [*_earlier_parts(path), self._part(run)]
        self._write(run)

    def on_end(self, run: Run) -> None:
        """Say how it ended."""
        if not run.is_main or not self._parts:
            return
        failure = run.failure
        self._parts[-1]["end"] = {
            "date": environment.now(),
            "iteration": run.iteration,
            "reason": run.stop_reason or _reason(failure, run),
            "scores": facts.of_evaluation(run.scores),
            "best": {name: list(best) for name, best in run.best.items()},
        }
        self._write(run)

    def _part(self, run: Run) -> dict[str, Any]:
        return {
            "start": {"date": environment.now(), "iteration": run.iteration},
            "command": hidden(sys.argv),
            "folder": os.getcwd(),
            "arguments": hidden(plain(dict(self.arguments))),
            "configuration": hidden(plain(dict(self.configuration))),
            "fingerprint": hidden(plain(dict(self.fingerprint))),
            "versions": versions(),
            "commit": environment.commit(),
            "machine": machine(run),
            "variables": {n: v for n, v in sorted(os.environ.items()) if VARIABLES.fullmatch(n)},
        }

    def _write(self, run: Run) -> None:
        text = json.dumps({"parts": self._parts}, indent=1, ensure_ascii=False) + "\n"
        content = text.encode("utf-8", "backslashreplace")  # odd bytes of a path, as JSON has them
        try:
            with replacing(run.save_dir / NAME) as draft:
                draft.write_bytes(content)
        except OSError as error:
            logger.warning(f"{run.save_dir / NAME} could not be written: {error}.")


def _earlier_parts(path: Path) -> list[dict[str, Any]]:
    """Return the parts of a manifest that is there; one that cannot be read is moved away."""
    if not path.exists():
        return []
    try:
        return load(path)
    except ValueError as error:
        logger.warning(f"{error} It is moved to {move_aside(path.parent, [path])}.")
        return []


def load(path: Path) -> list[dict[str, Any]]:
    """Return the parts of a manifest, the first start first.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no manifest.
    """
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
        if not all(isinstance(part, dict) for part in parts):
            raise TypeError("a part is no dictionary")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} is no record of a training ({error!r}).") from error
    return list(parts)


def _reason(failure: BaseException | None, run: Run) -> str:
    if failure is None:
        return "it is through" if run.iteration >= run.iters else "it was stopped"
    return hidden(f"{type(failure).__name__}: {failure}")


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and those that it works with."""
    import paddle_ann

    found = {"python": platform.python_version(), "paddle_ann": paddle_ann.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # CPU or GPU
            continue
    return found


def machine(run: Run) -> dict[str, Any]:
    """Return what the training runs on."""
    device = paddle.get_device()
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": environment.processor(),
        "cores": os.cpu_count(),
        "memory_GiB": round(psutil.virtual_memory().total / facts.GIB, 1),
        "device": device,
        "gpu": environment.gpu() if device.startswith("gpu") else None,
        "processes": run.world,
    }


def hidden(thing: Any, name: str = "") -> Any:
    """Return a copy of plain data without secrets.

    Args:
        thing: texts, numbers, lists and dictionaries.
        name: under which it stands.
    """
    if name and _SECRET.search(name):
        return HIDDEN
    if isinstance(thing, str):
        key, sign, _ = thing.partition("=")
        if sign and _SECRET.search(key.rpartition(".")[2]) and " " not in key:
            return f"{key}={HIDDEN}"
        return _URL.sub(r"\1\2", thing)
    if isinstance(thing, Mapping):
        return {key: hidden(value, str(key)) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        before = ["", *(str(item) if str(item).startswith("--") else "" for item in thing)]
        return [hidden(item, option) for item, option in zip(thing, before)]
    return thing
