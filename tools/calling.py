"""How an operation of a tenant's own service is called: asked again, kept and refused as it was declared."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import BaseModel

from desk.domain import Manner
from desk.errors import ToolUnavailable
from desk.tooling import Spoken, ToolContext, ToolResult, Trace, Writing
from tools.schemas import given

LONGEST_RESULT: Final = 4000
LONGEST_WAIT, LONGEST_CACHE = 10.0, 60
MOST_KEPT: Final = 1000
UNAVAILABLE: Final = "The service for this is not answering right now. Please try again in a few minutes."

Ask = Callable[[dict[str, Any], ToolContext], Awaitable[ToolResult]]
Secret = Callable[[str], str | None]


def wrong_manner(manner: Manner, *, writes: bool) -> str | None:
    """What is wrong about how an operation is to be called; None if nothing is."""
    said = {
        "only what is without effect is retried or cached, and what is for a customer is not cached.": (
            not writes or (manner.retry == "never" and not manner.cache_seconds)
        )
        and not (manner.for_customer and manner.cache_seconds),
        f"timeout_seconds is above 0 and at most {LONGEST_WAIT:g}, cache_seconds 0 to {LONGEST_CACHE}.": 0
        < manner.timeout_seconds
        <= LONGEST_WAIT
        and 0 <= manner.cache_seconds <= LONGEST_CACHE,
        "the error has at most 300 characters.": len(manner.error) <= 300,
    }
    return next((what for what, holds in said.items() if not holds), None)


def seconds_of(manner: Manner) -> float:
    """How long a call may take with all its tries."""
    return manner.timeout_seconds * (2 if manner.retry == "once" else 1) + 1.0


def sign_in(manner: Manner, context: ToolContext) -> ToolResult | None:
    """The refusal of who is nobody, where it matters who it is."""
    if not manner.for_customer or context.principal.email:
        return None
    return ToolResult("The customer must sign in for that.", ok=False, spoken=Spoken("action_sign_in"))


def headers_of(manner: Manner, context: ToolContext) -> dict[str, str]:
    """What says for whom something is done."""
    email = context.principal.email if manner.for_customer else None
    return {"X-Customer-Email": email} if email else {}


def writing_of(
    manner: Manner, what: str, check: Callable[[], Awaitable[ToolResult | None]] | None = None
) -> Writing[Any]:
    """It is offered as `what`, unless `check` refuses, and nobody can be asked whether it was done."""

    async def offered(_arguments: BaseModel, context: ToolContext) -> ToolResult:
        refused = sign_in(manner, context) or (await check() if check else None)
        return refused or ToolResult(what, spoken=Spoken("action_declared", {"what": what}))

    async def untold(_context: ToolContext) -> Trace:
        return Trace(None)

    return Writing(route="model", draft=lambda _text, _ids: None, check=offered, trace=untold)


class Calling:
    """One operation, with the answers that it keeps for a while; `ask` asks for it once."""

    def __init__(self, manner: Manner, ask: Ask) -> None:
        self._manner, self._ask = manner, ask
        self._kept: OrderedDict[str, tuple[float, ToolResult]] = OrderedDict()

    async def run(self, arguments: BaseModel, context: ToolContext) -> ToolResult:
        """What the service answered; raises ToolUnavailable with what the customer may read."""
        refused = sign_in(self._manner, context)
        if refused is not None:
            return refused
        values = given(arguments)
        key = json.dumps(values, sort_keys=True)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        result = await self._asked(values, context)
        if self._manner.cache_seconds and result.ok:
            self._kept[key] = (time.monotonic() + self._manner.cache_seconds, result)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return result

    async def _asked(self, values: dict[str, Any], context: ToolContext) -> ToolResult:
        tries = 2 if self._manner.retry == "once" else 1
        for left in reversed(range(tries)):
            try:
                return await self._ask(values, context)
            except ToolUnavailable as error:
                if not left:
                    raise type(error)(self._manner.error or UNAVAILABLE) from error
        raise ToolUnavailable(UNAVAILABLE)
