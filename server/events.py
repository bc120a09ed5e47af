"""Events on the wire: a turn's stream as server-sent events, for readers that may be slow or leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Any, Final

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from graphs.streams.turn_stream import HEARTBEAT_SECONDS, TurnStream
from server.openapi import sent_as

__all__ = ["HEARTBEAT_SECONDS", "STALLED_SECONDS", "TURN_EVENTS", "Reachable", "event_stream"]

STALLED_SECONDS = 15.0
# For the OpenAPI document of a route that streams a turn.
TURN_EVENTS: Final = sent_as(
    "text/event-stream",
    told="The turn's events: `accepted`, any of `step`, `token`, `citation`, `tool`, `handoff`, `degraded`"
    " and `revise`, and last `done` with the reply object, or `error` with the problem.",
)

log = structlog.get_logger("desk.streams")


def event_stream(
    stream: TurnStream,
    after: int = 0,
    *,
    counted: AbstractContextManager[object] | None = None,
    stalled_seconds: float = STALLED_SECONDS,
) -> Response:
    """The response that streams a turn from above `after`; 204, which ends retries, if that was all of it.

    When the reader leaves, the turn goes on. One whose socket takes nothing for `stalled_seconds` is dropped,
    and may come back with Last-Event-ID. `counted` is held while the stream is open, and may refuse it.
    """
    if stream.ended and not stream.abandoned and after >= stream.last_id:
        return Response(status_code=204)
    return _EventStream(stream, after, counted or nullcontext(), stalled_seconds)


class _EventStream(Response):
    media_type = "text/event-stream"

    def __init__(
        self,
        stream: TurnStream,
        after: int,
        counted: AbstractContextManager[object],
        stalled_seconds: float,
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._stream = stream
        self._after = after
        self._counted = counted
        self._stalled_seconds = stalled_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send frames until the stream ends or the reader leaves."""
        with self._counted:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        watch = _Watch(self._stalled_seconds, scope["state"].get("abort"))
        leaving = asyncio.create_task(_gone(receive))
        leaving.add_done_callback(watch.leave)
        try:
            await self._send_frames(send, watch)
        except asyncio.CancelledError:
            if not watch.ends_here():
                raise
        finally:
            watch.stop()
            leaving.cancel()

    async def _send_frames(self, send: Send, watch: _Watch) -> None:
        async with aclosing(self._stream.frames(self._after)) as frames:
            async for chunk in frames:
                watch.begins()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                watch.ended()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Watch:
    """Ends a response whose reader has left, or takes nothing; one timer a reader, none an event."""

    def __init__(self, seconds: float, abort: Callable[[], None] | None) -> None:
        self._seconds = seconds
        self._abort = abort
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._since: float | None = None
        self._left = self._stopped = False
        self._timer = self._loop.call_later(seconds / 3, self._look)

    def begins(self) -> None:
        self._since = self._loop.time()

    def ended(self) -> None:
        self._since = None

    def leave(self, _: object = None) -> None:
        if not self._left and not self._stopped and self._task is not None:
            self._left = True
            self._task.cancel()

    def ends_here(self) -> bool:
        """Whether the task was cancelled by this watch, and by nobody else."""
        return self._left and self._task is not None and self._task.uncancel() == 0

    def stop(self) -> None:
        self._stopped = True
        self._timer.cancel()

    def _look(self) -> None:
        if self._since is not None and self._loop.time() - self._since >= self._seconds:
            log.info("slow_reader_dropped", seconds=self._seconds)
            if self._abort is not None:
                self._abort()
            self.leave()
            return
        self._timer = self._loop.call_later(self._seconds / 3, self._look)


class Reachable:
    """The outermost layer: puts into the scope what cuts a connection whose reader takes nothing.

    Closing is not enough, as it waits for the reader to take what is buffered. uvicorn has no official way to
    its transport; a server that has none where we look leaves such a connection to its own time-outs.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            transport: Any = getattr(getattr(send, "__self__", None), "transport", None)
            scope.setdefault("state", {})["abort"] = getattr(transport, "abort", None)
        await self._app(scope, receive, send)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
