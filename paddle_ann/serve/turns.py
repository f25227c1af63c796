"""One job at a time, a bounded number behind it, and none for a client that has gone."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


class Turns:
    """Places for requests, from their first byte to their result; jobs run one after another.

    Used by one event loop.

    Args:
        queue: requests that may have a place beside the one whose job runs.
    """

    def __init__(self, queue: int) -> None:
        self.taken = 0
        self._places = queue + 1
        self._seconds = 1.0  # that a job takes, by the last ones
        self._thread = ThreadPoolExecutor(1, "segment")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            HTTPException: 503 if all are taken, with the seconds after which to try again.
        """
        if self.taken >= self._places:
            seconds = max(1, math.ceil(self._seconds * self.taken))
            raise HTTPException(
                503,
                f"The server is busy: {self.taken} pictures are in work or waiting. Try again in "
                f"about {seconds} s.",
                {"Retry-After": str(seconds)},
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def run(self, request: Request, job: Callable[[], T]) -> T:
        """Run a job when its turn comes.

        If the client goes away, a job that waits is dropped. One that runs cannot be stopped: it
        keeps the next from starting, and its result is thrown away.

        Args:
            request: its body has been read.
            job: runs in another thread.

        Raises:
            ClientDisconnect: if the client has gone.
        """
        result = asyncio.get_running_loop().run_in_executor(self._thread, self._timed, job)
        gone = asyncio.ensure_future(_until_gone(request))
        try:
            both: set[asyncio.Future[Any]] = {result, gone}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not result.done():
                raise ClientDisconnect
            return result.result()
        finally:
            result.cancel()
            gone.cancel()

    def _timed(self, job: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return job()
        finally:
            self._seconds += 0.3 * (time.perf_counter() - start - self._seconds)


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
