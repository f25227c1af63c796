"""HTTP connections that may not dawdle: uvicorn itself waits for ever for the rest of a header.

The application sets a time to uploads. Before a request is complete enough to reach it, and after
it has answered, there is no one but the connection to lose patience.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class Patient(H11Protocol):
    """A connection that is dropped after `patience` seconds in which it got nowhere.

    That is: no whole header came; or an answer is given, and the client neither ends its upload
    nor takes the answer. The time that the application works on a request does not count.
    """

    patience = 30.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
        self._state: tuple[Any, ...] = ()
        self._watch = self.loop.call_later(self.patience, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Watch no more."""
        self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        at_work = self.cycle is not None and not self.cycle.response_complete
        unsent = self.transport.get_write_buffer_size()
        state = (self.cycle, unsent) if unsent or not at_work else ()
        if state and state == self._state:
            self.transport.abort()
            return
        self._state = state
        self._watch = self.loop.call_later(self.patience / 2, self._look)
