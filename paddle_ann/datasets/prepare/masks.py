"""Converts SBD's masks in several processes.

Processes of their own, and not a pool: a forked worker of a killed parent would live on, holding
the lock, and a spawned one would run the caller's script again and import Paddle. These are told
by their pipe that the parent is gone.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

from .files import bar

_WORKER = Path(__file__).with_name("mask_worker.py")


def convert_all(
    names: list[str], mats: Path, pictures: Path, masks: Path, like: Path, workers: int
) -> None:
    """Writes `masks`/NAME.png for every name; what is there and whole stays.

    Args:
        names: Names of pictures.
        mats: Folder of SBD's NAME.mat.
        pictures: Folder of NAME.jpg.
        masks: Folder to write.
        like: One of VOC's own masks, whose palette these get.
        workers: Number of processes, at least 1.

    Raises:
        ValueError: A file is none of SBD's or does not fit its picture.
        RuntimeError: A process ended before its work was done.
        OSError: The disk is full.
    """
    masks.mkdir(parents=True, exist_ok=True)
    parts = masks.with_name(masks.name + ".parts")
    parts.mkdir(exist_ok=True)
    folders = {"mats": mats, "pictures": pictures, "masks": masks, "parts": parts}
    content = {key: str(path.absolute()) for key, path in folders.items()}
    jobs = parts / "jobs.json"
    jobs.write_text(json.dumps({**content, "palette": _palette(like), "names": names}))
    lines, codes = _run(jobs, min(workers, len(names)), len(names))
    faults = [line for line in lines if line]
    if any(f"[Errno {errno.ENOSPC}]" in line for line in faults):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(masks))
    if faults:
        raise ValueError(f"{len(faults)} of {len(names)} masks of SBD are unusable: {faults[0]}")
    if any(codes) or len(lines) < len(names):
        raise RuntimeError(
            f"a process that converts masks ended early (exit codes {codes}); {len(lines)} of "
            f"{len(names)} masks are done. Run again to go on, with fewer --workers if memory is "
            "short."
        )
    shutil.rmtree(parts)


def _run(jobs: Path, workers: int, total: int) -> tuple[list[str], list[int]]:
    """Runs the processes on their shares; their lines, and their exit codes."""
    lines: list[str] = []
    processes: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as pipe:
        try:
            with open(writing, "wb") as shared:  # closed here, so that the pipe ends with the last
                for first in range(workers):
                    command = [sys.executable, str(_WORKER), str(jobs), str(first), str(workers)]
                    processes.append(subprocess.Popen(command, stdout=shared, env=environment))
            with bar("masks", total, "masks") as shown:
                for line in pipe:
                    lines.append(line.rstrip("\n"))
                    shown.update()
            return lines, [process.wait() for process in processes]
        finally:
            for process in processes:
                process.kill()  # does nothing to one that has ended
                process.wait()


def _palette(mask: Path) -> list[int] | None:
    """The palette of a mask of VOC's, RGB triples in a row; None for one that was made grey."""
    with Image.open(mask) as image:
        if image.mode not in ("P", "L"):
            raise ValueError(
                f"{mask} has mode {image.mode!r}; a mask of VOC is a palette image ('P') that "
                "holds class ids. Move the folder VOC2012 away to have it unpacked anew."
            )
        return image.getpalette() if image.mode == "P" else None
