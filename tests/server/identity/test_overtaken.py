"""A login that is under way while all logins end does not outlast them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from desk.domain import Principal
from desk.errors import Unauthenticated
from desk.storage import accounts, refresh_tokens, tenants
from desk.storage.pool import Database, Tx
from server.identity.accounts import Accounts
from server.identity.passwords import Passwords
from tests.server.identity.conftest import bearing
from tests.server.identity.people import PASSWORD, code_for, joined, login, new_address, register
from tests.server.replicas import Replica, until

ANOTHER = "another correct horse battery"


@pytest.fixture
async def worker(database: Database, slug: str) -> Principal:
    """Who works in the tenant."""
    async with database.control_tx() as tx:
        tenant = await tenants.by_slug(tx, slug)
    assert tenant is not None
    return Principal(tenant.id, "worker")


class Interrupted(Passwords):
    """Compares as ever; before its answer is heard something else happens."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    async def matches(self, password: str, kept: str | None) -> bool:
        found = await super().matches(password, kept)
        await self._meanwhile()
        return found


async def renew(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/v1/auth/refresh", json={"refresh_token": token})


async def test_a_refresh_under_way_ends_with_all_logins(
    place: Replica, slug: str, nobody: httpx.AsyncClient, database: Database, worker: Principal
) -> None:
    tokens = await joined(place, slug, address := new_address())
    presented = refresh_tokens.read(tokens["refresh_token"])
    assert presented is not None
    async with database.tenant_tx(worker) as tx:
        token = await refresh_tokens.find(tx, presented)
        assert token is not None
        slipped = await refresh_tokens.rotate(tx, worker.tenant_id, token)
        path, headers = "/api/v1/auth/logout-everywhere", bearing(tokens["access_token"])
        out = asyncio.create_task(nobody.post(path, headers=headers))
        await until(lambda: _somebody_waits(tx), 4)
    assert (await out).status_code == 204
    assert slipped is not None
    assert (await renew(nobody, slipped)).status_code == 401
    again = (await login(nobody, slug, address)).json()
    assert (await renew(nobody, again["refresh_token"])).status_code == 200, "who signs in anew is let in"


async def _somebody_waits(tx: Tx) -> bool:
    cursor = await tx.execute("select exists (select from pg_locks where not granted)")
    return await cursor.fetchone() == (True,)


async def test_an_account_can_be_disabled_while_it_refreshes(
    place: Replica, slug: str, nobody: httpx.AsyncClient, database: Database, worker: Principal
) -> None:
    """Neither waits for the other in a ring."""
    tokens = await joined(place, slug, address := new_address())
    presented = refresh_tokens.read(tokens["refresh_token"])
    assert presented is not None
    async with place.client("boss@desk.example", slug, "admin") as boss:
        listed = (await boss.get("/api/v1/accounts")).json()["accounts"]
        account = next(entry["id"] for entry in listed if entry["email"] == address)
        async with database.tenant_tx(worker) as tx:
            token = await refresh_tokens.find(tx, presented)
            assert token is not None
            body = {"disabled": True}
            change = asyncio.create_task(boss.put(f"/api/v1/accounts/{account}", json=body))
            await until(lambda: _somebody_waits(tx), 4)
            assert await accounts.get(tx, token.subject_id, hold=False) is not None
            assert await refresh_tokens.rotate(tx, worker.tenant_id, token) is not None
        assert (await change).status_code == 200
    assert (await renew(nobody, tokens["refresh_token"])).status_code == 401


def _accounts(place: Replica, passwords: Passwords) -> Accounts:
    found = place.desk.reception
    return Accounts(place.desk.services.engine, found.membership, passwords, found.letters, found.aside)


async def test_a_password_that_is_replaced_while_it_is_compared_opens_nothing(
    place: Replica, slug: str, database: Database, worker: Principal
) -> None:
    await joined(place, slug, address := new_address())
    known = await _accounts(place, Passwords()).login(slug, address, PASSWORD)
    replacing = await Passwords().hash(ANOTHER)

    async def replace() -> None:
        async with database.tenant_tx(worker) as tx:
            await accounts.set_password(tx, known.account.id, replacing)
            await accounts.sign_out(tx, known.account.id)

    with pytest.raises(Unauthenticated):
        await _accounts(place, Interrupted(replace)).login(slug, address, PASSWORD)
    assert (await _accounts(place, Passwords()).login(slug, address, ANOTHER)).email == address


async def test_nor_does_one_that_was_right_before_all_logins_ended(
    place: Replica, slug: str, database: Database, worker: Principal
) -> None:
    await joined(place, slug, address := new_address())
    who = await _accounts(place, Passwords()).login(slug, address, PASSWORD)
    async with database.tenant_tx(worker) as tx:
        await accounts.sign_out(tx, who.account.id)
    with pytest.raises(Unauthenticated):
        await place.desk.reception.sign_ins.tokens(who)


async def test_enabling_an_invited_account_confirms_no_strangers_password(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    await register(place, slug, address := new_address(), password=ANOTHER)  # by a stranger
    async with place.client("boss@desk.example", slug, "admin") as boss:
        invited = await boss.post("/api/v1/accounts", json={"email": address, "role": "agent"})
        account = invited.json()["id"]
        for disabled in (True, False):
            changed = await boss.put(f"/api/v1/accounts/{account}", json={"disabled": disabled})
        assert changed.json()["state"] == "pending"
    assert (await login(nobody, slug, address, password=ANOTHER)).status_code == 401
    code = await code_for(place, address, at_least=2)
    chosen = {"tenant": slug, "email": address, "code": code, "password": PASSWORD}
    assert (await nobody.post("/api/v1/auth/reset/confirm", json=chosen)).status_code == 204
    assert (await login(nobody, slug, address)).status_code == 200
