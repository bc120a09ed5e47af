"""Playing: cases as conversations of their own, through the one way a turn is run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from desk.domain import ConversationId, Principal, Tenant
from desk.errors import Unavailable
from desk.events import Done, Failed, Revised, Token, ToolUsed, TurnEvent
from desk.storage import conversations
from evals.scorers.observed import Observed
from graphs.commits.inbox import TurnRequest
from graphs.runtime.runner import TurnRunner
from graphs.services import Services
from graphs.streams.turn_stream import TurnStream

# The cases' people are not the shop's own subjects of the same name.
ISSUER = "evals"


@dataclass(slots=True)
class Stage:
    """Where cases are played: a running runner and the tenant whose desk is asked."""

    services: Services
    runner: TurnRunner
    tenant: Tenant


@dataclass(slots=True)
class Talk:
    """A conversation of one person with the desk; it begins with the first message."""

    stage: Stage
    principal: Principal
    case: str
    conversation: ConversationId | None = None

    async def say(self, text: str) -> Observed:
        """What the customer gets for it; raises Unavailable when the turn fails as a whole."""
        request = TurnRequest(text, str(uuid4()), self.conversation, channel="evals")
        stream = await self.stage.runner.submit(self.principal, self.stage.tenant, request)
        self.conversation = stream.conversation_id
        return await _observe(stream, self.case)


@asynccontextmanager
async def staged(services: Services, tenant: Tenant) -> AsyncIterator[Stage]:
    """A stage with a runner of its own, which leaves other processes' turns alone."""
    runner = TurnRunner(services, on_end=lambda *_: None)
    await runner.start(take_orphans=False)
    try:
        yield Stage(services, runner, tenant)
    finally:
        await runner.stop()


@asynccontextmanager
async def talking(stage: Stage, case: str, person: str | None) -> AsyncIterator[Talk]:
    """A fresh conversation of a case's person, or of a guest, removed at its end."""
    engine, tenant = stage.services.engine, stage.tenant
    subject = await engine.keys.subject(tenant.id, ISSUER, person or f"guest-{case}")
    talk = Talk(stage, Principal(tenant.id, "user", subject, person), case)
    try:
        yield talk
    finally:
        if talk.conversation is not None:
            async with engine.database.tenant_tx(talk.principal) as tx:
                await conversations.remove(tx, talk.conversation)


async def ask_once(stage: Stage, text: str, *, case: str, person: str | None = None) -> dict[str, Any]:
    """The reply to one message and its `ms`, in a conversation of its own."""
    async with talking(stage, case, person) as talk:
        return (await talk.say(text)).reply


async def _observe(stream: TurnStream, case: str) -> Observed:
    events: list[TurnEvent] = [event async for _, event in stream.read()]
    last = events[-1]
    if isinstance(last, Failed):
        raise Unavailable(f"Case {case}: the turn failed: {last.problem['detail']}")
    assert isinstance(last, Done)
    shown = [event.text for event in events if isinstance(event, Token | Revised)]
    tools = tuple(event.tool for event in events if isinstance(event, ToolUsed) and event.state == "started")
    reply = {**last.reply["reply"], "ms": last.reply["timings_ms"]["total"]}
    return Observed(reply, "\n".join([*shown, "".join(shown)]), tools)
