"""What people with accounts, and visitors of a widget, do with their own data by the tokens they have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from desk.domain import Principal, TenantSettings
from desk.embedded import Engines
from desk.storage import sites
from desk.storage.pool import Database
from server.jobs.working import jobs_working
from tests.plugins.stores import temporary_home
from tests.server.identity.conftest import bearing
from tests.server.identity.people import joined, mails_to, new_address
from tests.server.identity.test_widget_tokens import PAGE, ask_token
from tests.server.replicas import Replica, new_tenant, replica, replica_settings, until
from tests.server.sweep import tables_with
from tests.server.wire import ask


@pytest.fixture
async def site(place: Replica, slug: str, database: Database) -> str:
    """A site key of the shop in which anybody may register."""
    tenant = await place.desk.services.engine.tenants.get(slug)
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        return await sites.create(tx, tenant.id, "the shop", [PAGE])


async def visitor_client(place: Replica, site: str) -> httpx.AsyncClient:
    async with httpx.AsyncClient(base_url=place.url, timeout=30) as client:
        token = (await ask_token(client, site)).json()["token"]
    return httpx.AsyncClient(base_url=place.url, timeout=30, headers=bearing(token))


async def test_a_visitor_signs_in_and_keeps_the_talk(place: Replica, slug: str, site: str) -> None:
    visitor = await visitor_client(place, site)
    token = visitor.headers["authorization"].removeprefix("Bearer ")
    person = bearing((await joined(place, slug, new_address()))["access_token"])
    async with visitor, httpx.AsyncClient(base_url=place.url, timeout=30, headers=person) as client:
        talk = await ask(visitor, "say 2 every 0")
        assert (await visitor.post("/api/v1/me/adopt", json={"visitor_token": token})).status_code == 404
        adopted = await client.post("/api/v1/me/adopt", json={"visitor_token": token})
        assert (adopted.status_code, adopted.json()) == (200, {"conversations": 1}), adopted.text
        history = (await client.get("/api/v1/chat/history")).json()["messages"]
        assert [one["conversation_id"] for one in history] == [talk["conversation_id"]] * 2
        assert (await visitor.get("/api/v1/chat/history")).json()["messages"] == []
        path = f"/api/v1/conversations/{talk['conversation_id']}"
        assert (await visitor.get(path)).status_code == 404
        again = await visitor.post(
            "/api/v1/chat/", json={"message": "say 1 every 0", "conversation_id": talk["conversation_id"]}
        )
        assert again.status_code == 404
        goes_on = await ask(client, "say 1 every 0", conversation_id=talk["conversation_id"])
        assert goes_on["conversation_id"] == talk["conversation_id"]


async def test_a_visitor_takes_their_data_and_is_erased(place: Replica, site: str) -> None:
    visitor = await visitor_client(place, site)
    async with visitor:
        await ask(visitor, "say 1 every 0")
        export = (await visitor.get("/api/v1/privacy/export")).json()
        assert (export["subject"]["kind"], export["subject"]["account"]) == ("anonymous", None)
        assert len(export["conversations"]) == 1
        assert (await visitor.get("/api/v1/audit")).status_code == 403
        erased = await visitor.post("/api/v1/privacy/erase", json={"confirm": "erase"})
        assert erased.status_code == 202
        assert (await visitor.get("/api/v1/chat/history")).json()["messages"] == []


@pytest.fixture
async def lone(own_stores: Engines) -> AsyncIterator[Replica]:
    """An application in whose database nobody else's jobs work: those look for mail in homes of theirs."""
    with temporary_home() as home:
        async with replica(replica_settings(own_stores, Path(home))) as found:
            yield found


async def test_an_account_is_in_the_export_and_goes_with_its_mail(lone: Replica, own_stores: Engines) -> None:
    place, owner_url = lone, own_stores.migration_database_url
    slug = await new_tenant(place, TenantSettings(self_registration=True))
    address = new_address()
    token = (await joined(place, slug, address))["access_token"]
    assert await mails_to(place, address)
    async with httpx.AsyncClient(base_url=place.url, timeout=30, headers=bearing(token)) as client:
        export = (await client.get("/api/v1/privacy/export")).json()
        account = export["subject"]["account"]
        assert (account["email"], account["state"]) == (address, "active")
        erasure = (await client.post("/api/v1/privacy/erase", json={"confirm": "erase"})).json()["id"]

        async def done() -> bool:
            return bool((await client.get(f"/api/v1/privacy/erasures/{erasure}")).json()["state"] == "done")

        async with jobs_working(place.desk.services.engine):
            await until(done, 60)
    assert await mails_to(place, address, seconds=0) == []
    left = await tables_with(owner_url, [export["subject"]["id"]])
    assert set(left) == {"subjects", "erasures", "audit"}
