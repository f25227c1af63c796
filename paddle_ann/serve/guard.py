"""Around all answers: headers that keep a browser from harm, and no service for foreign pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ENDING = "The server is being stopped."
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Adds `HEADERS`, and answers 403 to requests that another site's page makes a browser send.

    Args:
        app: what is guarded.
        names: the hosts that the server may be called by, so that no name of another's that leads
            to this address (DNS rebinding) is served; None for any.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] | None = None) -> None:
        self._app = app
        self._names = None if names is None else frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        reason = self._refuse(Headers(scope=scope))
        app = JSONResponse({"error": reason}, 403) if reason else self._app
        try:
            await app(scope, receive, send_guarded)
        except asyncio.CancelledError:  # by uvicorn, whose patience after Ctrl-C is at its end
            await JSONResponse({"error": _ENDING}, 503)(scope, receive, send_guarded)

    def _refuse(self, headers: Headers) -> str | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        name = _split(f"//{host}")[0]
        if self._names is not None and name not in self._names:
            return f"This server is not called {host!r}. Who runs it can allow the name (--names)."
        if origin is None:
            return None
        origin_name, origin_host = _split(origin)
        proxied = self._names is not None and origin_name in self._names - LOOPBACK
        if origin_host == host or proxied:  # a proxy may put another name in `Host`
            return None
        return "Pages of other sites may not use this server."


def _split(url: str) -> tuple[str | None, str]:
    """Return the host's name, and host and port as written."""
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.netloc
    except ValueError:
        return None, ""
