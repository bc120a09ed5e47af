"""Progress: what long work tells its reader as it goes, as server-sent events without ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
from starlette.responses import Response, StreamingResponse

# For the OpenAPI document of such a route.
EVENTS: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"text/event-stream": {}}}}


def progress(frames: AsyncIterator[bytes]) -> Response:
    """The response that sends the frames; a reader who leaves ends the iterator."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(frames, headers=headers, media_type="text/event-stream")


def frame(event: str, data: dict[str, Any]) -> bytes:
    """One event; `data` is plain, and becomes one line of JSON."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), orjson.dumps(data))
