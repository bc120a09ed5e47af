"""Effects at the shop: asked for under a key that the shop knows them by, and asked about later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desk.errors import ToolUnavailable
from desk.tooling import ToolContext, ToolResult, Trace
from tools.orders import NOT_REACHABLE, Line, shop_url


@dataclass(frozen=True, slots=True)
class Refused:
    """The shop will not do it; its status says why."""

    status: int


class Effect(BaseModel):
    """Something that the shop did; `id` is its number for it."""

    model_config = ConfigDict(frozen=True)

    id: Line = Field(min_length=1)


class _Kept(BaseModel):
    """What the shop has done under a key; a shop that keeps keys says so also of one it has not seen."""

    key: str
    count: int = Field(ge=0)
    effects: tuple[Effect, ...] = ()


async def perform(url: str, body: dict[str, Any], context: ToolContext) -> Effect | Refused:
    """Have the shop do it under the context's key.

    Raises ToolUnreachable when nothing was sent, and ToolUnavailable when nobody knows whether it was done.
    """
    headers = {"X-API-Key": context.shop_api_key, "Idempotency-Key": context.effect_key}
    reply = await context.http.post(url, headers=headers, json=body)
    if 400 <= reply.status < 500:
        return Refused(reply.status)
    try:
        if 200 <= reply.status < 300:
            return Effect.model_validate(reply.body)
    except ValidationError:
        pass  # it may well have been done, so what it is called does not matter
    raise ToolUnavailable(NOT_REACHABLE)


async def trace(context: ToolContext, *, told: Callable[[Effect], ToolResult]) -> Trace:
    """How often the shop has done what it was asked for under the context's key, if it can tell."""
    effects = await _done(context)
    if effects is None:
        return Trace(None)
    return Trace(len(effects), told(effects[0]) if effects else None)


async def _done(context: ToolContext) -> tuple[Effect, ...] | None:
    url = f"{shop_url(context)}/api/effects/{quote(context.effect_key, safe='')}"
    try:
        reply = await context.http.get(url, headers={"X-API-Key": context.shop_api_key})
        kept = _Kept.model_validate(reply.body)
    except (ToolUnavailable, ValidationError):
        return None
    # Any server answers 404 to an address that it does not have: only an answer about this key counts.
    if kept.key != context.effect_key or len(kept.effects) != kept.count:
        return None
    return kept.effects
