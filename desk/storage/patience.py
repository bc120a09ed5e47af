"""A connection that gives up on a Postgres which does not answer: one that is frozen, or out of reach.

The server's own time-outs are of no use then, and libpq would wait for ever.
"""

from __future__ import annotations

import asyncio
import os
import socket
from functools import cached_property
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow

_LEAST_SECONDS = 0.05


class PatientConnection(AsyncConnection[TupleRow]):
    """Each answer may take some seconds; after that the socket is shut, which raises OperationalError."""

    _patience: float | None = None
    _then: float | None = None

    @cached_property
    def calls(self) -> AsyncCursor[TupleRow]:
        """The cursor for functions that answer one row."""
        return self.cursor(binary=True)

    def expect(self, seconds: float, *, then: float) -> None:
        """How long the next answer may take, and how long every one after it."""
        self._patience, self._then = max(seconds, _LEAST_SECONDS), then

    async def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Wait for the server, as psycopg does for whatever it asks of it."""
        if self._patience is None:
            return await super().wait(*args, **kwargs)
        timer = asyncio.get_running_loop().call_later(self._patience, self._hang_up)
        try:
            return await super().wait(*args, **kwargs)
        finally:
            timer.cancel()
            self._patience = self._then

    def _hang_up(self) -> None:
        # Not closed but shut: whoever waits is woken, finds the end, and cleans up.
        with socket.socket(fileno=os.dup(self.pgconn.socket)) as end:
            end.shutdown(socket.SHUT_RDWR)
