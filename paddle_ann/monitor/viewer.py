"""VisualDL's server, with the settings that work on today's versions, and no surprises.

Without `-L en` it answers most browsers with an error; with its telemetry it calls home; a port
that is taken it says is fine; and one log that is cut off ends it. See docs/monitoring.md.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paddle_ann.checkpoint.files import replacing
from paddle_ann.monitor.log_file import torn_logs

PATIENCE_S = 90.0  # until the server answers; 2 to 10 s are usual
SETTLE_S = 0.3  # after which a log that was only being written is whole


def check_folder(folder: Path) -> None:
    """Refuse a folder in which there is nothing to show.

    Raises:
        FileNotFoundError: if it is not there, or holds no log.
    """
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"{folder} is no folder. Give the --save_dir of a training.")
    if not any("vdlrecords" in name for _, _, names in os.walk(folder) for name in names):
        raise FileNotFoundError(
            f"There is no VisualDL log in {folder} or below it. tools/train.py --use_vdl writes "
            "one, from its first log line on."
        )


def check_logs(folder: Path, repair: bool) -> list[str]:
    """Look for logs that would end the server.

    Args:
        folder: it and all below it.
        repair: cut them back to their whole records.

    Returns:
        A line for each log that was cut.

    Raises:
        ValueError: if there are such logs, and they are not to be cut.
    """
    torn = torn_logs(folder)
    if torn:
        time.sleep(SETTLE_S)  # a training may be writing
        torn = {path: sizes for path, sizes in torn_logs(folder).items() if path in torn}
    lines = [
        f"{path}: {total - whole} bytes behind its last whole record, at {whole} of {total}"
        for path, (whole, total) in torn.items()
    ]
    if lines and not repair:
        raise ValueError(
            f"VisualDL cannot read these logs, and would end: {'; '.join(lines)}. If the training "
            "is over, --repair cuts them there; a training that is resumed does so itself."
        )
    for path, (whole, _) in torn.items():
        content = path.read_bytes()[:whole]
        with replacing(path) as draft:
            draft.write_bytes(content)
    return lines


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken.

    Raises:
        RuntimeError: if nothing can listen there.
    """
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError as error:
            raise RuntimeError(
                f"Nothing can listen at {host}:{port} ({error.strerror}). Give another --port, "
                "or end the server that is there."
            ) from error


@contextlib.contextmanager
def serving(
    folder: str | Path, host: str, port: int, *more: str, model: str | Path | None = None
) -> Iterator[Any]:
    """Run the server while the context lasts; on entry it answers.

    Args:
        folder: with logs in it or below it.
        host: address to listen at.
        port: likewise.
        *more: further arguments of `visualdl`.
        model: ONNX file to draw.

    Yields:
        Its process, a `subprocess.Popen`.

    Raises:
        RuntimeError: if the port is taken, or the server does not answer.
    """
    check_port(host, port)
    command = [sys.executable, "-m", "visualdl.server.app", "--logdir", str(folder)]
    command += ["--host", host, "--port", str(port), "--disable-telemetry", "-L", "en", *more]
    if model is not None:
        command += ["--model", str(model)]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(server, host, port, log)
            yield server
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: Any, host: str, port: int, log: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"VisualDL's server ended at once: {_tail(log)}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, port, timeout=2)
            try:
                connection.request("GET", "/alive")
                if connection.getresponse().status == 204:
                    return
            finally:
                connection.close()
        time.sleep(0.2)
    raise RuntimeError(f"VisualDL's server did not answer in {PATIENCE_S:.0f} s: {_tail(log)}")


def _tail(log: Any) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return " ".join(lines[-3:]) or "it said nothing"
