"""The last hop: the HTTP transports through which a model is reached, which guard every outgoing body."""

from __future__ import annotations

import asyncio

import httpx2

from desk.errors import DeskError, EgressBlocked
from desk.models.port import Guard

# The key in a request's extensions that carries the guard of this call.
GUARD = "desk.egress_guard"
GUARD_SECONDS = 1.0


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Passes a request on once its guard accepted the body; without a guard nothing is sent."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, default: Guard | None) -> None:
        self._inner = inner
        self._default = default

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises EgressBlocked when the guard objects, fails, is missing or takes over a second."""
        guard = request.extensions.get(GUARD) or self._default
        try:
            # Scanning a long conversation takes milliseconds of CPU: off the event loop.
            await asyncio.wait_for(asyncio.to_thread(check_body, request, guard), GUARD_SECONDS)
        except TimeoutError as error:
            raise EgressBlocked from error
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class GuardedSyncTransport(httpx2.BaseTransport):
    """The same for LangChain's blocking calls."""

    def __init__(self, inner: httpx2.BaseTransport, default: Guard | None) -> None:
        self._inner = inner
        self._default = default

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises EgressBlocked when the guard objects, fails or is missing."""
        check_body(request, self._default)
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def check_body(request: httpx2.Request, guard: Guard | None) -> None:
    """Show the guard the exact bytes of the body; whatever it raises, nothing may be sent."""
    if guard is None:
        raise EgressBlocked
    try:
        guard(request.content)
    except DeskError:
        raise
    except Exception as error:
        raise EgressBlocked from error
