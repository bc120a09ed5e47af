"""What a route needs: the desk that serves it, and the caller, already limited and verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from starlette.requests import HTTPConnection

from desk.domain import Scope
from desk.errors import Forbidden, InvalidInput
from graphs.handoff_feed import HandoffFeed
from graphs.runner import TurnRunner
from graphs.services import Services
from server.auth import Authenticator, Caller
from server.limits import Limits
from server.open_streams import OpenStreams
from server.openapi import API_KEY, BEARER


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes of this process share."""

    services: Services
    runner: TurnRunner
    authenticator: Authenticator
    limits: Limits
    streams: OpenStreams
    feed: HandoffFeed


def desk_of(request: HTTPConnection) -> Desk:
    """The desk of this application."""
    desk: Desk = request.app.state.desk
    return desk


async def caller_of(request: Request, _bearer: Any = BEARER, _api_key: Any = API_KEY) -> Caller:
    """The verified caller, within their rate limit; raises Unauthenticated, Forbidden or RateLimited."""
    desk = desk_of(request)
    caller = await desk.authenticator.caller(request)
    await desk.limits.check(caller)
    return caller


def require(caller: Caller, *roles: Scope) -> None:
    """Raises Forbidden unless the caller has one of the roles."""
    if caller.principal.scope not in roles:
        raise Forbidden


def idempotency_key(
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="Makes a retry safe.")] = None,
) -> str | None:
    """The caller's Idempotency-Key; raises InvalidInput unless it is 1 to 200 printable ASCII characters."""
    if key is not None and not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        raise InvalidInput("Idempotency-Key must be 1 to 200 printable ASCII characters.")
    return key


CurrentDesk = Annotated[Desk, Depends(desk_of)]
CurrentCaller = Annotated[Caller, Depends(caller_of)]
IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]
