"""What a route needs: the desk that serves it, and the caller, already limited and verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from starlette.requests import HTTPConnection

from desk.errors import Forbidden, InvalidInput, Unauthenticated
from graphs.handoffs.feed import HandoffFeed
from graphs.runtime.runner import TurnRunner
from graphs.services import Services
from server.access import allow
from server.auth import Authenticator, Caller
from server.identity.reception import Reception
from server.limits import Limits
from server.open_streams import OpenStreams
from server.openapi import API_KEY, BEARER
from server.overload import Overload


@dataclass(frozen=True, slots=True)
class Desk:
    """What the routes of this process share."""

    services: Services
    runner: TurnRunner
    authenticator: Authenticator
    reception: Reception
    limits: Limits
    streams: OpenStreams
    feed: HandoffFeed
    overload: Overload


def desk_of(request: HTTPConnection) -> Desk:
    """The desk of this application."""
    desk: Desk = request.app.state.desk
    return desk


async def current_desk(request: Request) -> Desk:
    """The same for a route."""
    return desk_of(request)


async def caller_of(request: Request, _bearer: Any = BEARER, _api_key: Any = API_KEY) -> Caller:
    """The verified caller, who may call this route and is within their rate limit.

    Raises Unauthenticated, Forbidden or RateLimited.
    """
    return await _admitted(request, turn=False)


async def caller_of_turn(request: Request) -> Caller:
    """The same where a turn is asked for; raises Overloaded when its tenant has too many under way."""
    return await _admitted(request, turn=True)


async def _admitted(request: Request, *, turn: bool) -> Caller:
    desk = desk_of(request)
    # A request is counted once, in one round trip, when it is known whose it is. Where bad tokens came from
    # lately, what was not seen before is counted by its address before anything is spent on it.
    address = desk.authenticator.address(request)
    counted = desk.limits.suspects(address) and not desk.authenticator.knows(request)
    if counted:
        await desk.limits.check_stranger(address)
    try:
        caller = await desk.authenticator.caller(request)
    except (Unauthenticated, Forbidden):
        if not counted:
            await desk.limits.check_stranger(address)
        raise
    if turn:
        desk.overload.check(caller.tenant.id)
    await desk.limits.check(caller, request, address_counted=counted)
    allow(request, caller.rights)
    return caller


# Dependencies are async because FastAPI runs plain functions in a thread: a hop a request for each of them.
async def idempotency_key(
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="Makes a retry safe.")] = None,
) -> str | None:
    """The caller's Idempotency-Key; raises InvalidInput unless it is 1 to 200 printable ASCII characters."""
    if key is not None and not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        raise InvalidInput("Idempotency-Key must be 1 to 200 printable ASCII characters.")
    return key


async def limited_address(request: Request) -> None:
    """Count a request of nobody in particular against its address; raises RateLimited."""
    desk = desk_of(request)
    await desk.limits.check_address(desk.authenticator.address(request))


async def guarded_address(request: Request) -> None:
    """The same where somebody may guess; raises Unavailable while nobody knows what other processes count."""
    await limited_address(request)
    desk_of(request).limits.require_shared()


CurrentDesk = Annotated[Desk, Depends(current_desk)]
CurrentCaller = Annotated[Caller, Depends(caller_of)]
IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]
