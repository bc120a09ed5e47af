"""Asks the service as a customer does: a message is a turn of its own conversation, which is then removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from desk.domain import ConversationId, Principal, Tenant
from desk.errors import Unavailable
from desk.events import Done, Failed
from desk.storage import conversations
from graphs.inbox import TurnRequest
from graphs.runner import TurnRunner
from graphs.services import Services

# The people of measurements are not the shop's own subjects of the same name.
ISSUER = "evals"


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[TurnRunner]:
    """A runner of turns while the context is open."""
    runner = TurnRunner(services, on_end=lambda *_: None)
    await runner.start(take_orphans=False)
    try:
        yield runner
    finally:
        await runner.stop()


async def ask_once(
    services: Services, runner: TurnRunner, tenant: Tenant, text: str, *, name: str, email: str | None = None
) -> dict[str, Any]:
    """The reply to one message and its `ms`; from the customer of that e-mail address, else a guest.

    Raises Unavailable, with the `name` of what is asked, when the turn fails as a whole.
    """
    subject = await services.engine.keys.subject(tenant.id, ISSUER, email or name)
    principal = Principal(tenant.id, "user", subject, email)
    request = TurnRequest(text, str(uuid4()), None, channel="evals")
    stream = await runner.submit(principal, tenant, request)
    last = [event async for _, event in stream.read()][-1]
    await remove(services, principal, stream.conversation_id)
    if isinstance(last, Failed):
        raise Unavailable(f"{name}: the turn failed: {last.problem['detail']}")
    assert isinstance(last, Done)
    return {**last.reply["reply"], "ms": last.reply["timings_ms"]["total"]}


async def remove(services: Services, principal: Principal, conversation: ConversationId) -> None:
    """Leave nothing of a conversation behind."""
    async with services.engine.database.tenant_tx(principal) as tx:
        await conversations.remove(tx, conversation)
