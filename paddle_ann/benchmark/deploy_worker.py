"""A process for each side of the benchmark of the deployment, and the handle to it.

The process reads one line of JSON for each task, works, and answers by one line. What others print
goes to the error stream. Between tasks it sleeps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """One side in its process.

    Args:
        side: its name.
        material: arguments of `Material`.
        environment: variables to set.
        folder: its log is written there: what it prints.
    """

    def __init__(
        self, side: str, material: Mapping[str, Any], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.side, self._log = side, folder / f"{side}.log"
        order = json.dumps({"side": side, "material": material}, default=str)
        variables = {
            **initial_environment(),
            **environment,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "paddle_ann.benchmark.deploy_worker", order],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=variables,
            )
        self._answer()

    def ask(self, method: str, *arguments: Any) -> Any:
        """Let it do a task, wait, and return what it answers.

        Raises:
            RuntimeError: if it fails, with the end of what it printed.
        """
        stream: Any = self._process.stdin
        stream.write(json.dumps([method, *arguments]).encode() + b"\n")
        stream.flush()
        return self._answer()

    def _answer(self) -> Any:
        stream: Any = self._process.stdout
        line = stream.readline()
        if not line:
            code = self._process.wait()
            lines = self._log.read_text(errors="replace").strip().splitlines()
            raise RuntimeError(
                f"{self.side} ended with code {code}; all of it is in {self._log}:\n"
                + "\n".join(lines[-12:])
            )
        return json.loads(line)

    def close(self) -> None:
        """End it, whatever it is at."""
        self._process.terminate()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process.wait()


def initial_environment() -> dict[str, str]:
    """Return the variables of this process as it was started: Paddle and we have set some since."""
    text = Path("/proc/self/environ").read_bytes().decode(errors="surrogateescape")
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def main(order: dict[str, Any], tasks: IO[str], answers: IO[str]) -> None:
    """Build the side, say so, and do the tasks that come."""
    from paddle_ann.benchmark.deploy_material import Material
    from paddle_ann.benchmark.deploy_sides import make_side

    material = order["material"]
    side = make_side(order["side"], Material(Path(material.pop("folder")), **material))
    print("null", file=answers, flush=True)
    for line in tasks:
        method, *arguments = json.loads(line)
        print(json.dumps(getattr(side, method)(*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "w") as own:
        os.dup2(2, 1)
        main(json.loads(sys.argv[1]), sys.stdin, own)
