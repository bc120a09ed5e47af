"""Controls: whoever may is let in with the very requests that others were refused with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

import httpx

from server.access import RIGHTS
from tests.security.askers import Asker
from tests.security.asking import ask
from tests.security.doors import Door
from tests.security.ground import Ground
from tests.security.judge import Verdict
from tests.security.owners import Town, client
from tests.security.parameters import LOOSE

# What ends something comes after what needs it.
_ORDER = ("GET", "WS", "POST", "PUT", "PATCH", "DELETE")
_ENDS = (
    "POST /api/v1/handoffs/{handoff_id}/return",
    "POST /api/v1/handoffs/{handoff_id}/close",
    "DELETE /api/v1/conversations/{conversation_id}",
    "PUT /api/v1/accounts/{account_id}",
    "POST /api/v1/privacy/subjects/{subject_id}/erase",
)
_CLOSED = (401, 403, 404)
_NOT_ASKED = LOOSE | {"X-Tenant-ID", "session_id", "to"}


async def call_as_who_may(ground: Ground, doors: Sequence[Door], town: Town, verdict: Verdict) -> None:
    """Every id at every door, by its owner, the agent who helps them, or the tenant's admin."""
    slug, owner = town.tenant.slug, town.owner
    people = {"user": owner.email, "agent": town.keeper, "admin": town.admin}
    async with AsyncExitStack() as stack:
        clients: dict[str, httpx.AsyncClient] = {}
        for role, email in people.items():
            clients[role] = await stack.enter_async_context(client(ground, slug, email, role))
        for door in sorted(doors, key=_place):
            allowed = _who_may(door)
            for slot in door.slots:
                if allowed is None or slot.name in _NOT_ASKED or door.variant == "cancel":
                    continue
                conversation, turn = owner.ids["conversation"], owner.ids["turn"]
                asker = Asker(allowed, town, town, clients[allowed], conversation, turn)
                answer = await ask(asker, door, slot, owner.ids[slot.kind])
                verdict.controls += 1
                if answer.status in _CLOSED:
                    verdict.dead.append(f"{door.name} {slot.name} is closed to {allowed}: {answer.status}")


def _who_may(door: Door) -> str | None:
    """The least role that has the right; None for services, which name nobody but their own visitors."""
    return next((role for role in ("user", "agent", "admin") if door.right in RIGHTS[role]), None)


def _place(door: Door) -> tuple[int, int]:
    ends = _ENDS.index(door.name) + 1 if door.name in _ENDS else 0
    return ends, _ORDER.index(door.method)
