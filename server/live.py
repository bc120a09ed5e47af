"""Live answers: server-sent events that may be quiet for long, with a sign of life and a longest life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.responses import StreamingResponse

from server.events import HEARTBEAT_SECONDS

# Then the client comes back with its last id: so whoever lost their rights is out by then.
LONGEST_SECONDS = 15 * 60.0
_OPEN = b": open\n\n"
_HEARTBEAT = b": still here\n\n"


def live_frame(event_id: int, name: str, data: dict[str, Any]) -> bytes:
    """One SSE frame."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, name.encode(), orjson.dumps(data))


def live_stream(frames: AsyncIterator[bytes]) -> StreamingResponse:
    """The response that stays open; `frames` is closed when the reader leaves."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_kept_alive(frames), media_type="text/event-stream", headers=headers)


async def _kept_alive(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The frames, with a comment line whenever nothing came for ten seconds."""
    ends = asyncio.get_running_loop().time() + LONGEST_SECONDS
    pending: asyncio.Task[bytes] | None = None
    yield _OPEN
    try:
        while asyncio.get_running_loop().time() < ends:
            pending = pending or asyncio.create_task(anext(frames))  # type: ignore[arg-type]
            done, _ = await asyncio.wait({pending}, timeout=HEARTBEAT_SECONDS)
            if not done:
                yield _HEARTBEAT
                continue
            try:
                frame = pending.result()
            except StopAsyncIteration:
                return
            pending = None
            yield frame
    finally:
        if pending is not None:
            pending.cancel()
