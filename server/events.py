"""Events on the wire: TurnEvents as server-sent event frames, encoded once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
from starlette.responses import StreamingResponse

from desk.events import Token, TurnEvent, event_data
from graphs.streams import TurnStream

HEARTBEAT_SECONDS = 10.0
_HEARTBEAT = b": still here\n\n"


def frame(event_id: int, event: TurnEvent) -> bytes:
    """One SSE frame."""
    data = orjson.dumps({"text": event.text} if isinstance(event, Token) else event_data(event))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, event.name.encode(), data)


async def frames(stream: TurnStream, after: int = 0) -> AsyncIterator[bytes]:
    """The stream's frames, with a comment line whenever nothing came for ten seconds."""
    reader = stream.read(after)
    pending: asyncio.Task[tuple[int, TurnEvent]] | None = None
    try:
        while True:
            pending = pending or asyncio.create_task(anext(reader))  # type: ignore[arg-type]
            done, _ = await asyncio.wait({pending}, timeout=HEARTBEAT_SECONDS)
            if not done:
                yield _HEARTBEAT
                continue
            try:
                event_id, event = pending.result()
            except StopAsyncIteration:
                return
            pending = None
            yield frame(event_id, event)
    finally:
        if pending is not None:
            pending.cancel()


def event_stream(stream: TurnStream, after: int = 0) -> StreamingResponse:
    """The response that streams a turn; when the reader leaves, the turn goes on."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(frames(stream, after), media_type="text/event-stream", headers=headers)
