"""The web application: the page, and `POST /api/segment` behind it."""

from __future__ import annotations

import base64
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from paddle_ann.datasets.images import FORMATS
from paddle_ann.deploy import Predictor
from paddle_ann.serve import upload
from paddle_ann.serve.guard import Guard
from paddle_ann.serve.limits import Limits
from paddle_ann.serve.results import PICTURES, Result, describe
from paddle_ann.serve.segmenting import Segmenter
from paddle_ann.serve.turns import Turns

logger = logging.getLogger("paddle_ann.serve")

_PAGE = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def create_app(
    predictor: Predictor, limits: Limits | None = None, names: Iterable[str] | None = None
) -> ASGIApp:
    """Make the application, for uvicorn or another ASGI server.

    Args:
        predictor: the network; it is used by one thread.
        limits: what strangers may ask.
        names: the hosts that it may be called by (see `Guard`); None for any.

    Raises:
        ValueError: if a limit is out of its range, or the network has more than 256 classes.
    """
    limits = (limits or Limits()).check()
    service = Service(Segmenter(predictor, limits.max_pixels), limits)
    routes = [
        *_page_routes(),
        Route("/health", service.health),
        Route("/api/model", service.model),
        Route("/api/segment", service.segment, methods=["POST"]),
        *(
            Route(
                f"/api/segment/{kind}", functools.partial(service.picture, kind), methods=["POST"]
            )
            for kind in PICTURES
        ),
    ]
    handlers: dict[Any, Any] = {
        HTTPException: _refuse,
        ClientDisconnect: lambda request, error: Response(status_code=499),  # nobody reads it
        Exception: _fail,
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), names)


class Service:
    """What the routes of `/api` answer.

    Args:
        segmenter: does the work.
        limits: what strangers may ask.
    """

    def __init__(self, segmenter: Segmenter, limits: Limits) -> None:
        self._segmenter, self._limits = segmenter, limits
        self._turns = Turns(limits.queue)
        bundle = segmenter.predictor.bundle
        self._classes = [
            {"id": index, "name": name, "color": color}
            for index, (name, color) in enumerate(zip(bundle.classes, bundle.palette.tolist()))
        ]

    async def health(self, request: Request) -> Response:
        """Tell that the server lives, and how many requests have a place."""
        return JSONResponse({"status": "ok", "requests": self._turns.taken})

    async def model(self, request: Request) -> Response:
        """Tell what the network knows, and what may be asked."""
        predictor = self._segmenter.predictor
        kinds = PICTURES if self._segmenter.has_scores else ("ids", "overlay", "image")
        return JSONResponse(
            {
                "name": predictor.bundle.folder.resolve().name,
                "engine": predictor.engine,
                "version": version("paddle_ann"),
                "classes": self._classes,
                "preprocessing": predictor.bundle.steps,
                "outputs": list(kinds),
                "formats": list(FORMATS),
                "limits": self._limits._asdict(),
            }
        )

    async def segment(self, request: Request) -> Response:
        """Answer as JSON, with the pictures that `outputs` names as base64."""
        asked = request.query_params.get("outputs", "").split(",")
        result = await self._run(request, list(dict.fromkeys(filter(None, asked))))
        files = {kind: base64.b64encode(png).decode() for kind, png in result.pictures.items()}
        return JSONResponse({**describe(result, self._classes), "outputs": files})

    async def picture(self, kind: str, request: Request) -> Response:
        """Answer with one picture, as PNG."""
        result = await self._run(request, [kind])
        return Response(result.pictures[kind], media_type="image/png")

    async def _run(self, request: Request, kinds: list[str]) -> Result:
        self._segmenter.check_kinds(kinds)
        upload.check_head(request, self._limits)
        with self._turns.place():
            content = await upload.read_image(request, self._limits)
            start = time.perf_counter()
            job = functools.partial(self._segmenter, content, kinds)
            result = await self._turns.run(request, job)
        total = time.perf_counter() - start
        waiting = total - sum(result.seconds.values())
        seconds = {"waiting": max(waiting, 0.0), **result.seconds, "total": total}
        logger.info("%dx%d pixels in %.3f s", result.width, result.height, total)
        return result._replace(seconds=seconds)


def _page_routes() -> list[Route]:
    """Serve the files of the page, which are read now: no request names a file."""
    routes = []
    for path in sorted(_PAGE.iterdir()):
        where = "/" if path.name == "index.html" else f"/page/{path.name}"
        answer = _constant(path.read_bytes(), _TYPES[path.suffix])
        routes.append(Route(where, answer))
    return routes


def _constant(content: bytes, kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return answer


async def _refuse(request: Request, error: HTTPException) -> Response:
    if request.method == "POST":
        logger.info("%d: %s", error.status_code, error.detail)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _fail(request: Request, error: Exception) -> Response:
    """Answer an error that is not the client's; Starlette raises it again, so that it is logged."""
    message = f"The server failed on this request ({type(error).__name__}); its log says where."
    return JSONResponse({"error": message}, 500)
