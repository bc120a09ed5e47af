"""Accounts: registering, confirming, signing in, a new password; and that no answer says who has one."""

from __future__ import annotations

import asyncio
import statistics
import time

import httpx
import pytest

from desk.domain import Principal, TenantSettings
from desk.errors import InvalidInput
from desk.storage.pool import Database
from server.identity.passwords import Passwords
from tests.server.identity.conftest import bearing
from tests.server.identity.people import (
    PASSWORD,
    code_for,
    joined,
    login,
    mails_to,
    new_address,
    register,
    said,
)
from tests.server.replicas import Replica, new_tenant
from tests.server.wire import ask


async def test_somebody_makes_an_account_and_talks(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    tokens = await joined(place, slug, address := new_address())
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    nobody.headers.update(bearing(tokens["access_token"]))
    who = (await nobody.get("/api/v1/me")).json()
    assert who.items() >= {"tenant": slug, "role": "user", "email": address}.items()
    assert (await ask(nobody, "hi"))["reply"]["text"]
    nobody.headers.pop("authorization")
    assert (await login(nobody, slug, address.upper())).status_code == 200


async def test_without_the_code_there_is_no_account(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    address = new_address()
    code = await register(place, slug, address)
    assert (await login(nobody, slug, address)).status_code == 401
    body = {"tenant": slug, "email": address, "password": PASSWORD, "code": code}
    for wrong in (
        {"code": "AAAA-AAAA-AAAA"},
        {"password": "another password"},
        {"email": new_address()},
        {"tenant": await new_tenant(place, TenantSettings(self_registration=True))},
    ):
        response = await nobody.post("/api/v1/auth/verify", json=body | wrong)
        assert response.status_code == 401, wrong
    typed = code.lower().replace("-", " ")
    assert (await nobody.post("/api/v1/auth/verify", json=body | {"code": typed})).status_code == 200
    again = await nobody.post("/api/v1/auth/verify", json=body)
    assert again.status_code == 401, "a code is good once"


async def test_a_code_of_half_an_hour_ago_is_worth_nothing(
    place: Replica, slug: str, nobody: httpx.AsyncClient, database: Database
) -> None:
    address = new_address()
    code = await register(place, slug, address)
    tenant = await place.desk.services.engine.tenants.get(slug)
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        await tx.execute("update account_codes set expires_at = expires_at - interval '30 minutes'")
    body = {"tenant": slug, "email": address, "password": PASSWORD, "code": code}
    assert (await nobody.post("/api/v1/auth/verify", json=body)).status_code == 401


async def test_nobody_chooses_a_password_for_somebody_elses_address(
    place: Replica, slug: str, nobody: httpx.AsyncClient, database: Database
) -> None:
    """The attacker registers first; the owner's code does not confirm the attacker's password."""
    address = new_address()
    code = await register(place, slug, address, "the attacker's password")
    body = {"tenant": slug, "email": address, "password": PASSWORD, "code": code}
    assert (await nobody.post("/api/v1/auth/verify", json=body)).status_code == 401
    assert (await login(nobody, slug, address, "the attacker's password")).status_code == 401


async def test_an_address_with_an_account_is_told_by_mail_and_nowhere_else(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    await joined(place, slug, known := new_address())
    body = {"tenant": slug, "email": known, "password": "yet another password"}
    taken = await nobody.post("/api/v1/auth/register", json=body)
    fresh = await nobody.post("/api/v1/auth/register", json=body | {"email": new_address()})
    assert said(taken) == said(fresh)
    mails = await mails_to(place, known, at_least=2)
    assert "There is one already" in mails[-1]
    assert (await login(nobody, slug, known, "yet another password")).status_code == 401
    assert (await login(nobody, slug, known)).status_code == 200


async def test_where_nobody_may_register_the_answer_is_that_of_an_unknown_tenant(
    place: Replica, nobody: httpx.AsyncClient
) -> None:
    body = {"tenant": await new_tenant(place), "email": new_address(), "password": PASSWORD}
    closed = await nobody.post("/api/v1/auth/register", json=body)
    unknown = await nobody.post("/api/v1/auth/register", json=body | {"tenant": "no-such-shop"})
    assert closed.status_code == 403
    assert said(closed) == said(unknown)


async def test_a_new_password_by_mail_ends_what_was_signed_in(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    before = await joined(place, slug, address := new_address())
    body = {"tenant": slug, "email": address}
    known = await nobody.post("/api/v1/auth/reset", json=body)
    unknown = await nobody.post("/api/v1/auth/reset", json=body | {"email": new_address()})
    nowhere = await nobody.post("/api/v1/auth/reset", json=body | {"tenant": "no-such-shop"})
    assert known.status_code == 202
    assert said(known) == said(unknown) == said(nowhere)
    code = await code_for(place, address, at_least=2)
    change = body | {"code": code, "password": "a new and better password"}
    assert (await nobody.post("/api/v1/auth/reset/confirm", json=change | {"code": "X"})).status_code == 401
    assert (await nobody.post("/api/v1/auth/reset/confirm", json=change)).status_code == 204
    assert (await nobody.post("/api/v1/auth/reset/confirm", json=change)).status_code == 401
    assert (await login(nobody, slug, address)).status_code == 401
    assert (await login(nobody, slug, address, change["password"])).status_code == 200
    old = await nobody.get("/api/v1/me", headers=bearing(before["access_token"]))
    assert old.status_code == 401
    renewed = await nobody.post("/api/v1/auth/refresh", json={"refresh_token": before["refresh_token"]})
    assert renewed.status_code == 401


async def test_a_weak_password_is_refused_with_the_reason(slug: str, nobody: httpx.AsyncClient) -> None:
    address = new_address()
    for weak in ("short", "x" * 201, "1212 2121 1212", address):
        body = {"tenant": slug, "email": address, "password": weak}
        response = await nobody.post("/api/v1/auth/register", json=body)
        assert response.status_code == 422
        assert "password" in response.json()["detail"].lower()
        assert weak not in response.text


async def test_a_known_password_is_refused_wherever_one_is_chosen(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    known, address = "Liverpool2019!", new_address()
    body = {"tenant": slug, "email": address, "password": known}
    more: dict[str, str]
    for path, more in (("register", {}), ("reset/confirm", {"code": "AAAA-AAAA-AAAA"})):
        response = await nobody.post(f"/api/v1/auth/{path}", json=body | more)
        assert response.status_code == 422, path
        assert "is known" in response.json()["detail"], path
        assert known not in response.text
    tenant = await place.desk.services.engine.tenants.get(slug)
    with pytest.raises(InvalidInput, match="is known"):
        await place.desk.reception.membership.create(tenant, address, known, "user", Passwords())


async def test_what_passwords_are_compared_with_is_there_before_anybody_asks(place: Replica) -> None:
    """Else the first address without an account, in each process, would be refused later than a known one."""
    passwords = place.desk.reception.accounts._passwords
    async with asyncio.timeout(10):
        while "_nobodys" not in vars(passwords):  # noqa: ASYNC110 - it is made beside the start
            await asyncio.sleep(0.05)


async def test_wrong_unknown_and_unconfirmed_get_one_answer(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    await joined(place, slug, known := new_address())
    await register(place, slug, unconfirmed := new_address())
    wrong = await login(nobody, slug, known, "a wrong password")
    answers = [
        await login(nobody, slug, new_address()),
        await login(nobody, slug, unconfirmed),
        await login(nobody, "no-such-shop", known),
        await login(nobody, slug, known, "a\u0301" * 200),
    ]
    assert wrong.status_code == 401
    assert [said(answer) for answer in answers] == [said(wrong)] * 4


async def test_five_wrong_guesses_lock_a_known_and_an_unknown_address_alike(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    await joined(place, slug, known := new_address())
    histories = []
    for address in (known, new_address()):
        answers = [await login(nobody, slug, address, "a wrong password") for _ in range(6)]
        histories.append([(answer.status_code, answer.json()["detail"]) for answer in answers])
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 15
    assert histories[0] == histories[1]
    assert [status for status, _ in histories[0]] == [401] * 5 + [429]
    locked = await login(nobody, slug, known)
    assert locked.status_code == 429, "the right password waits too, else guessing went on"


async def test_guesses_at_one_moment_are_all_counted(slug: str, nobody: httpx.AsyncClient) -> None:
    address = new_address()
    answers = await asyncio.gather(*(login(nobody, slug, address, "a wrong password") for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) <= 5
    assert set(statuses) == {401, 429}


async def test_signing_in_clears_the_guesses(place: Replica, slug: str, nobody: httpx.AsyncClient) -> None:
    await joined(place, slug, address := new_address())
    for _ in range(3):
        for _ in range(4):
            assert (await login(nobody, slug, address, "a wrong password")).status_code == 401
        assert (await login(nobody, slug, address)).status_code == 200


async def test_an_unknown_address_takes_as_long_as_a_wrong_password(
    place: Replica, slug: str, nobody: httpx.AsyncClient
) -> None:
    """Without the stand-in hash the unknown one would be ten times quicker."""
    took: dict[str, list[float]] = {"known": [], "unknown": [], "nowhere": []}
    people = [new_address() for _ in range(6)]
    for address in people:
        await joined(place, slug, address)
    for address in people:
        for what, where, who in (
            ("known", slug, address),
            ("unknown", slug, new_address()),
            ("nowhere", "no-such-shop", address),
        ):
            began = time.perf_counter()
            assert (await login(nobody, where, who, "a wrong password")).status_code == 401
            took[what].append(time.perf_counter() - began)
    known, unknown, nowhere = (statistics.median(times) for times in took.values())
    assert 0.4 < unknown / known < 2.5, took
    assert 0.4 < nowhere / known < 2.5, took


async def test_no_password_and_no_code_is_stored_or_logged(
    place: Replica, slug: str, database: Database
) -> None:
    password = "a password that nobody else has"
    code = await register(place, slug, new_address(), password)
    async with database.control_tx() as tx:
        cursor = await tx.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_schema in ('shared', 'desk_control') and table_type = 'BASE TABLE'"
        )
        names = [row[0] for row in await cursor.fetchall()]
    assert "shared.accounts" in names
    from psycopg import AsyncConnection, sql

    url = place.desk.services.engine.settings.migration_database_url
    assert url is not None
    async with await AsyncConnection.connect(url.get_secret_value()) as owner:
        for name in names:
            table = sql.Identifier(*name.split("."))
            cursor = await owner.execute(sql.SQL("select t::text from {} t").format(table))
            rows = "\n".join(row[0] for row in await cursor.fetchall())
            assert password not in rows, name
            assert code not in rows, name
            assert code.replace("-", "") not in rows, name
