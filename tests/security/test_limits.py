"""Rate limits hold at the doors: so many requests of a caller or an address, and then 429."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from desk.embedded import Engines
from desk.models.embeddings import MiniLM
from tests.plugins.stores import temporary_home
from tests.server.replicas import Replica, new_tenant, replica, replica_settings

LIMIT = 5


@pytest.fixture(scope="module", params=["redis", "memory"])
async def place(
    migrated: Engines, embedder: MiniLM, request: pytest.FixtureRequest
) -> AsyncIterator[Replica]:
    """A replica that takes five requests a minute, counted in Redis, or in memory for want of it."""
    changes: dict[str, Any] = {"rate_limit_per_minute": LIMIT, "trusted_proxies": ("127.0.0.0/8",)}
    changes |= {"redis_url": None} if request.param == "memory" else {}
    with temporary_home() as home:
        async with replica(replica_settings(migrated, Path(home), **changes)) as found:
            yield found


def from_elsewhere(place: Replica) -> httpx.AsyncClient:
    """A client of a network of its own, as other tests ask from the machine's."""
    network = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}"
    return httpx.AsyncClient(base_url=place.url, headers={"x-forwarded-for": f"{network}::1"})


async def statuses(
    client: httpx.AsyncClient, method: str, path: str, count: int, **sent: object
) -> list[int]:
    return [(await client.request(method, path, **sent)).status_code for _ in range(count)]  # type: ignore[arg-type]


async def test_a_caller_gets_so_many_requests_and_another_is_not_held_up(place: Replica) -> None:
    slug = await new_tenant(place)
    async with (
        place.client(f"{uuid4().hex}@x.org", slug) as one,
        place.client(f"{uuid4().hex}@x.org", slug) as other,
    ):
        # Doors of several modules: the count is the caller's, not the door's.
        found = [
            (await one.get(path)).status_code
            for path in ("/api/v1/me", "/api/v1/faqs", "/api/v1/conversations", "/api/v1/chat/history")
        ]
        assert found == [200] * 4
        assert (await one.post("/api/v1/chat/", json={"message": "say 1 every 0"})).status_code == 200
        refused = await one.get("/api/v1/me")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await other.get("/api/v1/me")).status_code == 200


async def test_an_address_gets_so_many_tries_to_sign_in(place: Replica) -> None:
    async with from_elsewhere(place) as anyone:
        body = {"refresh_token": "dr_none"}
        found = await statuses(anyone, "POST", "/api/v1/auth/refresh", LIMIT + 1, json=body)
    assert found == [401] * LIMIT + [429]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/auth/logout", {"refresh_token": "dr_none"}, 204),
        ("GET", "/login/nowhere", None, 404),
        ("GET", "/login/callback", None, 303),
    ],
)
async def test_nobody_in_particular_is_counted_at_the_other_doors_too(
    place: Replica, method: str, path: str, body: dict[str, str] | None, status: int
) -> None:
    async with from_elsewhere(place) as anyone:
        found = await statuses(anyone, method, path, LIMIT + 1, json=body)
    assert found == [status] * LIMIT + [429]


async def test_a_service_gets_so_many_requests_for_all_its_visitors(place: Replica) -> None:
    slug = await new_tenant(place)
    async with place.client(f"{uuid4().hex}@x.org", slug, "admin") as admin:
        made = await admin.post("/api/v1/api-keys", json={"name": "shop", "rights": ["faqs.read"]})
    headers = {"x-api-key": made.json()["key"]}
    async with httpx.AsyncClient(base_url=place.url, headers=headers) as shop:
        found = await statuses(shop, "GET", "/api/v1/faqs", LIMIT + 1)
    assert found == [200] * LIMIT + [429]
