"""Foreign pages: whose scripts may call the API, by the settings or because a site's widget stands there."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ForeignPages(CORSMiddleware):
    """CORS without cookies. Which sites there are is asked at most every ten seconds."""

    def __init__(self, app: ASGIApp, allowed: Sequence[str], routes: FastAPI) -> None:
        super().__init__(
            app,
            allow_origins=list(allowed),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key", "last-event-id"],
            expose_headers=["retry-after", "ratelimit", "ratelimit-policy"],
        )
        self._routes = routes
        self._of_sites: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Learn whether the page's origin is a site's, then answer as CORS says."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        if origin is None:
            await self.app(scope, receive, _varying(send))
            return
        if not super().is_allowed_origin(page := origin.decode("latin-1")):
            await self._learn(page)
        await super().__call__(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        """See CORSMiddleware."""
        return super().is_allowed_origin(origin) or origin in self._of_sites

    async def _learn(self, origin: str) -> None:
        desk = getattr(self._routes.state, "desk", None)  # not there before the start is over
        stands = desk is not None and await desk.reception.sites.stands_on(origin)
        if stands:
            self._of_sites |= {origin}
        else:
            self._of_sites -= {origin}


def _varying(send: Send) -> Send:
    """Says of an answer without an origin that another origin's may differ."""

    async def send_varying(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"vary", b"Origin")]
        await send(message)

    return send_varying
