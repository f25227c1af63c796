"""The server: a port, the network tried once, and uvicorn until Ctrl-C."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from paddle_ann.deploy import Predictor
from paddle_ann.serve.app import create_app
from paddle_ann.serve.guard import LOOPBACK
from paddle_ann.serve.limits import Limits
from paddle_ann.serve.patience import Patient
from paddle_ann.serve.segmenting import Segmenter

_CONNECTIONS = 200  # at once; each costs a file handle
_GRACE = 5  # seconds that open requests have after Ctrl-C


def serve(
    model: str | os.PathLike[str],
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    names: Sequence[str] = (),
    **options: Any,
) -> None:
    """Serve an exported network until Ctrl-C, and print where once it answers.

    Args:
        model: the folder that `export` made.
        host: name or address to listen at; "0.0.0.0" for all of this machine.
        port: 0 for one that is free.
        limits: what strangers may ask.
        names: other hosts that it is called by, behind a proxy.
        options: of `Predictor`.

    Raises:
        OSError: if the port is taken, or may not be used.
        ValueError: if the host is unknown, or something is wrong with the export or an argument.
        KeyboardInterrupt: at Ctrl-C, after open requests are answered.
    """
    limits = (limits or Limits()).check()
    listener = bind(host, port)  # before the network is read: a mistake shows at once
    with listener:
        predictor = Predictor(model, **options)
        seconds = Segmenter(predictor, limits.max_pixels).warm_up()
        print(
            f"{predictor.bundle.folder}: {len(predictor.bundle.classes)} classes, "
            f"{predictor.engine}, tried in {seconds:.2f} s",
            flush=True,
        )
        app = create_app(predictor, limits, _names(host, listener, names))
        _log_to_stderr()
        make_server(app, limits).run(sockets=[listener])


def make_server(app: ASGIApp, limits: Limits) -> uvicorn.Server:
    """Set uvicorn up for an application; it prints where it is once it answers."""
    config = uvicorn.Config(
        app,
        http=type("Patient", (Patient,), {"patience": limits.timeout}),
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
    )
    return _Server(config)


def bind(host: str, port: int) -> socket.socket:
    """Take a port.

    Raises:
        ValueError: if there is no such host or port.
        OSError: if it is taken, or may not be used.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"port must be from 0 to 65535; received {port}.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"host {host!r} is no name or address of this machine ({error}); try 127.0.0.1."
        ) from None
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        reason = {
            errno.EADDRINUSE: "another program listens there already; choose another --port",
            errno.EACCES: "ports below 1024 are for root; choose another --port",
            errno.EADDRNOTAVAIL: "it is no address of this machine; choose another --host",
        }.get(error.errno or 0, str(error.strerror))
        raise OSError(f"Cannot listen at {host}, port {port}: {reason}.") from None
    return listener


def _names(host: str, listener: socket.socket, others: Sequence[str]) -> set[str] | None:
    """List the hosts to be called by; any, if all the network may come and no name is given."""
    alone = ipaddress.ip_address(listener.getsockname()[0]).is_loopback
    if not alone:
        print(
            f"warning: {host} is not this machine alone: whoever reaches it can use the network, "
            "without a password and without encryption (docs/serve.md).",
            file=sys.stderr,
            flush=True,
        )
    return {*LOOPBACK, host, *others} if alone or others else None


def _log_to_stderr() -> None:
    logger = logging.getLogger("paddle_ann.serve")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _Server(uvicorn.Server):
    """Says where it is once it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
            shown = f"[{shown}]" if ":" in shown else shown
            print(f"ready: http://{shown}:{port}/ (Ctrl-C ends it)", flush=True)
