"""Askers: every kind of caller of both tenants, with a conversation of their own where they may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx

from desk.domain import Principal
from desk.storage import api_keys
from tests.security.ground import Ground
from tests.security.owners import Town, visitor_headers
from tests.server.conftest import bearer

PEOPLE = ("user", "agent", "admin")
# A connection is let go of before the server does so, which would meet a request on its way.
_LIMITS = httpx.Limits(keepalive_expiry=1.5)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a role in a home town, in sight of another one; `conversation` and `turn` are their own."""

    role: str
    home: Town
    away: Town
    client: httpx.AsyncClient
    conversation: str
    turn: str

    @property
    def name(self) -> str:
        return f"{self.role} of {self.home.tenant.slug}"


@asynccontextmanager
async def all_askers(ground: Ground, towns: tuple[Town, Town]) -> AsyncIterator[list[Asker]]:
    """The eleven of them; their clients close with the context."""
    async with AsyncExitStack() as stack:
        found = []
        for home, away in (towns, towns[::-1]):
            for role, headers in (await _headers(ground, home)).items():
                if role == "anonymous" and home is not towns[0]:
                    continue
                client = httpx.AsyncClient(base_url=ground.url, headers=headers, timeout=60, limits=_LIMITS)
                await stack.enter_async_context(client)
                own = await _own(client) if role in (*PEOPLE, "visitor") else (str(uuid4()), str(uuid4()))
                found.append(Asker(role, home, away, client, *own))
        yield found


async def _headers(ground: Ground, home: Town) -> dict[str, dict[str, str]]:
    slug, engine = home.tenant.slug, ground.desk.services.engine
    async with engine.database.tenant_tx(Principal(home.tenant.id, "worker")) as tx:
        key = await api_keys.create(tx, home.tenant.id, "an asker")
    return {
        "anonymous": {},
        "visitor": visitor_headers(ground, slug, uuid4().hex),
        **{
            role: bearer(ground.issuer, f"{role}.{uuid4().hex[:8]}@example.com", role, slug, 7200)
            for role in PEOPLE
        },
        "service": {"x-api-key": key},
    }


async def _own(client: httpx.AsyncClient) -> tuple[str, str]:
    response = await client.post("/api/v1/chat/", json={"message": "hello there"})
    assert response.status_code == 200, response.text
    return response.json()["conversation_id"], response.json()["turn_id"]
