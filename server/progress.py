"""Progress: what long work tells its reader as it goes, as server-sent events without ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from typing import Any, Final

import orjson
from starlette.responses import Response

from server.open_streams import HeldOpen
from server.openapi import sent_as

# For the OpenAPI document of such a route.
EVENTS: Final = sent_as(
    "text/event-stream",
    told="Server-sent events: each has its name as `event` and a line of JSON as `data`.",
)


def progress(frames: AsyncIterator[bytes], counted: AbstractContextManager[None]) -> Response:
    """The response that sends the frames, holding `counted`; a reader who leaves ends the iterator."""
    return HeldOpen(frames, counted)


def frame(event: str, data: dict[str, Any]) -> bytes:
    """One event; `data` is plain, and becomes one line of JSON."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), orjson.dumps(data))
