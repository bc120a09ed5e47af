"""Listening: a request must come whole and in time, with a bounded head, and its answer be taken."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 32 * 1024
# So much of an answer is taken in each span of its clock, by a very slow line too.
LEAST_TAKEN = 16 * 1024

Part = Literal["head", "body", "answer"]


class Punctual(HttpToolsProtocol):
    """uvicorn's own waits for ever for the rest of a head or a body, and takes headers of any size.

    It waits as long for a client that takes nothing of its answer. A request that comes in one piece, as
    nearly all do, starts no clock, and nor does an answer that the buffers take.
    """

    seconds: dict[Part, float] = {"head": 10.0, "body": 30.0, "answer": 30.0}  # noqa: RUF012 - never changed

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaited: Part | None = "head"
        self._clocked: Part | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._head = 0
        self._taking: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._awaited = None
        self._watch()
        self._stop_taking()
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

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_taking()

    @override
    def resume_writing(self) -> None:
        self._stop_taking()
        super().resume_writing()

    @override
    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self._taking is None:  # closing waits until what is left is taken
            self._watch_taking()

    def _watch_taking(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._taking = self.loop.call_later(self.seconds["answer"], self._look, left)

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _look(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if left and before - left < LEAST_TAKEN:
            self.transport.abort()
        else:
            self._watch_taking()

    def _watch(self) -> None:
        """Have a clock run for the part that is awaited, if any."""
        if self._clocked == self._awaited:
            return
        if self._clock is not None:
            self._clock.cancel()
        self._clocked, self._clock = self._awaited, None
        if self._awaited is not None:
            self._clock = self.loop.call_later(self.seconds[self._awaited], self.transport.abort)
