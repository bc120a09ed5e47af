"""Live answers: server-sent events that may be quiet for long, with a sign of life and a longest life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import orjson
from starlette.responses import Response

from desk.errors import Forbidden, Unauthenticated, Unavailable
from server.open_streams import HeldOpen

# Then the client comes back with its last id.
LONGEST_SECONDS = 15 * 60.0
# So often the reader's token, session or key is looked at again.
RECHECK_SECONDS = 4.0
_OPEN = b": open\n\n"
_HEARTBEAT = b": still here\n\n"


def live_frame(event_id: int, name: str, data: dict[str, Any]) -> bytes:
    """One SSE frame."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, name.encode(), orjson.dumps(data))


def live_stream(
    frames: AsyncIterator[bytes],
    who: Callable[[], Awaitable[object]],
    counted: AbstractContextManager[None],
) -> Response:
    """The response that stays open while `who` finds its caller; `counted` is held meanwhile."""
    return HeldOpen(_kept_alive(frames, who), counted)


async def _kept_alive(
    frames: AsyncIterator[bytes], who: Callable[[], Awaitable[object]]
) -> AsyncGenerator[bytes, None]:
    """The frames, with a comment line whenever nothing came for four seconds."""
    now = asyncio.get_running_loop().time
    ends, checked_at = now() + LONGEST_SECONDS, now()
    pending: asyncio.Task[bytes] | None = None
    yield _OPEN
    try:
        while now() < ends:
            pending = pending or asyncio.create_task(anext(frames))  # type: ignore[arg-type]
            done, _ = await asyncio.wait({pending}, timeout=RECHECK_SECONDS)
            if not done or now() - checked_at >= RECHECK_SECONDS:
                if not await _holds(who):
                    return
                checked_at = now()
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


async def _holds(who: Callable[[], Awaitable[object]]) -> bool:
    """Whether the reader may go on; one who could not be looked up for the moment may."""
    try:
        await who()
    except (Unauthenticated, Forbidden):
        return False
    except Unavailable:
        pass
    return True
