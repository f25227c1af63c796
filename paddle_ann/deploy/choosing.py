"""Which engine runs an export fastest here: measured once, and remembered.

The choice depends on network and machine, so it is measured where there are several engines. It is
kept in `$XDG_CACHE_HOME/paddle_ann/engines.json` (`~/.cache` by default), a file that may be
removed at any time.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
from paddleseg.utils import logger

from paddle_ann.checkpoint.files import replacing
from paddle_ann.cpu import available_cores
from paddle_ann.deploy.runner import Bundle
from paddle_ann.deploy.runner.bundle import check_files, list_engines
from paddle_ann.deploy.runner.description import read_description, read_sums
from paddle_ann.deploy.runner.engines import graph_files

SIDE = 256  # pixels of the picture that is measured on
QUICK = 0.005  # seconds: an engine that takes less is taken, and no other is started
MARGIN = 0.95  # of the time of an engine before it in the list, which another must stay below
ENTRIES = 200  # that are remembered


def open_fastest(folder: str | os.PathLike[str], threads: int | None = None) -> Bundle:
    """Open an export in the engine that is fastest with it on this machine.

    One engine alone is opened as it is. Several are opened and timed, which takes seconds, unless
    that has been done before with the same graph, versions, machine and threads. A line in the log
    says what was measured.

    Args:
        folder: the export.
        threads: how many compute; all cores by default.

    Raises:
        FileNotFoundError, ValueError, ImportError: as `Bundle` does, where no engine can be used.
    """
    folder = Path(folder)
    read_description(folder)  # what is wrong with the folder is said first
    names = list_engines(folder)
    if len(names) == 1:
        return Bundle(folder, names[0], threads)
    key = _key(folder, names, threads)
    known = _remembered().get(key)
    if known in names:
        return Bundle(folder, known, threads)
    for name in names:
        check_files(name, folder)  # a file that was changed is no reason to take another engine
    bundle, seconds = measure(folder, names, threads)
    if min(seconds.values()) < QUICK:
        return bundle  # so quickly measured that there is nothing to remember
    times = ", ".join(f"{name} {1e3 * value:.0f} ms" for name, value in seconds.items())
    logger.info(
        f"Predictor: {bundle.engine} is taken for {folder} ({times} for {SIDE}x{SIDE} "
        f"pixels; {_remember(key, bundle.engine)}). engine= takes another."
    )
    return bundle


def measure(
    folder: Path, names: list[str], threads: int | None = None
) -> tuple[Bundle, dict[str, float]]:
    """Open engines, and time each on one picture.

    Returns:
        The export in the fastest, the first of them if it is no slower than 5 %; and the seconds
        of those that were tried and could be opened.

    Raises:
        ValueError: if none can be opened.
    """
    best: Bundle | None = None
    seconds: dict[str, float] = {}
    failure: Exception | None = None
    for name in names:
        try:
            bundle = Bundle(folder, name, threads)
            seconds[name] = _time(bundle)
        except Exception as error:  # each engine has classes of its own
            logger.warning(f"Predictor: {name} is left out, it cannot run {folder}: {error}")
            failure = error
            continue
        if best is None or seconds[name] < MARGIN * seconds[best.engine]:
            best = bundle
        if seconds[name] < QUICK:
            break
    if best is None:
        raise failure or ValueError(f"There is no engine to run {folder}.")
    return best, seconds


def _time(bundle: Bundle) -> float:
    """Run three times; the first time does not count, the best of the others does."""
    batch = np.zeros((1, 3, SIDE, SIDE), np.float32)
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        bundle.run(batch, bundle.outputs[0])
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def _key(folder: Path, names: list[str], threads: int | None) -> str:
    """Name what the choice depends on."""
    sums = read_sums(folder)
    files = sorted({path.name for name in names for path in graph_files(name, folder)})
    known = [sums.get(name, "") for name in files]
    versions = [f"{name} {_version(name)}" for name in names]
    machine = (platform.node(), platform.machine(), available_cores(), threads)
    return hashlib.sha256(repr((known, versions, machine)).encode()).hexdigest()


def _version(engine: str) -> str:
    for package in ("paddlepaddle", "paddlepaddle-gpu") if engine == "paddle" else (engine,):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def memory() -> Path:
    """Return the file that remembers."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(cache, "paddle_ann", "engines.json")


def _remembered() -> dict[str, Any]:
    """Read the file; one that is missing or damaged remembers nothing."""
    try:
        content = json.loads(memory().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _remember(key: str, engine: str) -> str:
    """Add a choice to the file, and say so, or why not."""
    entries = [*_remembered().items(), (key, engine)][-ENTRIES:]
    try:
        memory().parent.mkdir(parents=True, exist_ok=True)
        with replacing(memory()) as draft:
            draft.write_text(json.dumps(dict(entries), indent=1), encoding="utf-8")
    except OSError as error:
        return f"not remembered: {error}"
    return f"remembered in {memory()}"
