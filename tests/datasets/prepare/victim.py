"""A run that ends by SIGKILL: `python victim.py ROOT OPTIONS.json STEP`, for test_kills.

It dies at its STEP-th change of a file (0: never), in the midst of it where it is a write, and
prints how many there were if it lives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))

import prepare_voc  # noqa: E402

prepare = prepare_voc.load_package()
root, options, die_at = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3])
count = 0


def due() -> bool:
    global count
    count += 1
    return count == die_at


def watch(event: str, args: tuple) -> None:
    changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "subprocess.Popen")
    if changes and due():
        os.kill(os.getpid(), signal.SIGKILL)


def write_bytes(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        if due():
            file.write(content[: len(content) // 2])
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        file.write(content)


Path.write_bytes = write_bytes  # type: ignore[assignment, method-assign]
sys.addaudithook(watch)
for name in ("voc", "sbd"):
    options[name] = prepare.Archive(**options[name])
options["counts"] = prepare.Counts(**options["counts"])
options["patience"] = prepare.Patience(**options["patience"])
prepare.prepare_voc(root, **options, workers=2)
print(count)
