"""The picture in a request: counted while it comes in, held in memory, never given a name.

A multipart form with the file in the field `image`, or the file as the body. What the client calls
the file is not looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from paddle_ann.serve.limits import Limits

FIELD = "image"
_OTHER_FIELDS = 8  # of a form, which are ignored


def check_head(request: Request, limits: Limits) -> None:
    """Refuse by its headers a request whose body cannot be of use.

    Raises:
        HTTPException: 413 or 415.
    """
    kind = _media_type(request)
    if kind not in ("", "multipart/form-data", "application/octet-stream") and not kind.startswith(
        "image/"
    ):
        raise HTTPException(
            415,
            f"The content type {kind} is none of a picture. Send a form with the file in the field "
            f"'{FIELD}', or the file itself with the content type image/… or "
            "application/octet-stream.",
        )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limits.max_bytes:
        raise _too_large(limits)


async def read_image(request: Request, limits: Limits) -> bytes:
    """Return the content of the file that a request brings.

    Raises:
        HTTPException: 400 (no file, or a broken form), 408 or 413.
        ClientDisconnect: if the client goes away.
    """
    try:
        content = await asyncio.wait_for(_read(request, limits), limits.timeout)
    except asyncio.TimeoutError:
        raise HTTPException(
            408,
            f"The upload was not complete within {limits.timeout:g} seconds.",
            {"Connection": "close"},
        ) from None
    if not content:
        raise HTTPException(400, "The file is empty (0 bytes).")
    return content


async def _read(request: Request, limits: Limits) -> bytes:
    stream = _counted(request, limits)
    if _media_type(request) != "multipart/form-data":
        return b"".join([chunk async for chunk in stream])
    parser = MultiPartParser(request.headers, stream, max_files=1, max_fields=_OTHER_FIELDS)
    parser.spool_max_size = limits.max_bytes  # stays in memory
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, f"The form cannot be read: {error.message}") from None
    except FormParserError:  # passed through by Starlette before 1.0
        raise HTTPException(400, "The form cannot be read: Invalid multipart data.") from None
    file = form.get(FIELD)
    if not isinstance(file, UploadFile):
        raise HTTPException(400, f"The form has no file in the field '{FIELD}'.")
    return await file.read()


async def _counted(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    """Yield the body, and raise as soon as there is too much of it."""
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > limits.max_bytes:
            raise _too_large(limits)
        yield chunk


def _too_large(limits: Limits) -> HTTPException:
    return HTTPException(
        413,
        f"The upload has more than {limits.max_bytes:,} bytes, the limit of this server. Make the "
        "picture smaller, or save it as JPEG.",
    )


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
