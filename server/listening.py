"""Listening: a request must come whole in its time, and with a head of bounded size, or the line is cut."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 32 * 1024

Part = Literal["head", "body"]


class Punctual(HttpToolsProtocol):
    """uvicorn's own waits for ever for the rest of a head or a body, and takes headers of any size.

    A request that comes in one piece, as nearly all do, starts no clock.
    """

    seconds: dict[Part, float] = {"head": 10.0, "body": 30.0}  # noqa: RUF012 - never changed

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaited: Part | None = "head"
        self._clocked: Part | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._head = 0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._awaited = None
        self._watch()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._awaited is None and self.cycle.response_complete:
            self._awaited, self._head = "head", 0
        super().data_received(data)
        if self._awaited == "head":
            self._head += len(data)
            if self._head > LARGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("The request's head is too large.")
        self._watch()

    @override
    def on_message_begin(self) -> None:
        self._awaited, self._head = "head", 0
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._awaited = "body"
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        self._awaited = None
        super().on_message_complete()

    @override
    def handle_websocket_upgrade(self) -> None:
        self._awaited = None
        super().handle_websocket_upgrade()

    def _watch(self) -> None:
        """Have a clock run for the part that is awaited, if any."""
        if self._clocked == self._awaited:
            return
        if self._clock is not None:
            self._clock.cancel()
        self._clocked, self._clock = self._awaited, None
        if self._awaited is not None:
            self._clock = self.loop.call_later(self.seconds[self._awaited], self.transport.abort)
