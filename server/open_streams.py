"""Open streams: how many one person, one address and one tenant may hold open at this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from desk.errors import RateLimited
from desk.settings import Settings
from server.auth import Caller

_RETRY_AFTER_SECONDS = 5


class OpenStreams:
    """Counts event streams and sockets while they are open."""

    def __init__(self, settings: Settings) -> None:
        self._per_user = settings.streams_per_user
        self._per_address = settings.streams_per_address
        self._per_tenant = settings.streams_per_tenant
        self._open: Counter[str] = Counter()

    def check(self, caller: Caller) -> None:
        """Raises RateLimited when the caller, their address or the tenant has no stream left to open."""
        person, address, tenant = _keys(caller)
        if self._open[person] >= self._per_user:
            raise RateLimited(_RETRY_AFTER_SECONDS, "You have too many streams open; close one first.")
        if self._open[address] >= self._per_address:
            raise RateLimited(_RETRY_AFTER_SECONDS, "Your address has too many streams open.")
        if self._open[tenant] >= self._per_tenant:
            raise RateLimited(_RETRY_AFTER_SECONDS, "Too many streams are open; try again in a moment.")

    @contextmanager
    def counted(self, caller: Caller) -> Iterator[None]:
        """One open stream of the caller, for the life of the context; raises as `check` does.

        Many may have been let pass by `check` at one moment, before any of them was counted.
        """
        self.check(caller)
        keys = _keys(caller)
        self._open.update(keys)
        try:
            yield
        finally:
            self._open.subtract(keys)
            for key in keys:
                if self._open[key] <= 0:
                    del self._open[key]


class HeldOpen(StreamingResponse):
    """Server-sent events; `counted` is held while they are sent, and may refuse before the first byte."""

    def __init__(self, frames: AsyncIterator[bytes], counted: AbstractContextManager[None]) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(frames, headers=headers, media_type="text/event-stream")
        self._counted = counted

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._counted:
            await super().__call__(scope, receive, send)


def _keys(caller: Caller) -> tuple[str, str, str]:
    who = caller.principal.subject_id or caller.api_key_id
    return f"{caller.tenant.id}:{who}", f"address:{caller.address}", str(caller.tenant.id)
