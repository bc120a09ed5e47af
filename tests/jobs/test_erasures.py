"""A worker killed while it erases somebody: the next one goes on, in a suspended tenant too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from desk.domain import ConversationId, Principal, SubjectId, Tenant, TurnId, new_id
from desk.embedded import Engines
from desk.errors import Erased, Fenced
from desk.mail.folder import MailFolder
from desk.mail.port import Mail, recipient_id
from desk.storage import erasures, tenants, turn_commits
from desk.storage.pool import Database
from desk.storage.turn_commits import NewTurn
from desk.storage.turns import Claim
from server.jobs.erasures import erase_people
from server.jobs.workplace import Workplace
from tests.conftest import add_person
from tests.jobs.talks import add_talk, tables_with
from tests.jobs.test_killed_deliveries import killed_worker
from tests.jobs.test_retention import begin_turn
from tests.servers.smtp_sink import sinking
from tests.tools.local_server import answer, serving

REMAINS = {"subjects", "erasures", "audit"}


@pytest.fixture
async def own_database(own_stores: Engines) -> AsyncIterator[Database]:
    """A database in which nobody else is erased."""
    database = Database(own_stores.database_url, size=4)
    await database.open()
    yield database
    await database.close()


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def new_shop(database: Database) -> Tenant:
    async with database.control_tx() as tx:
        return await tenants.create(tx, f"erasing-{new_id().hex[-12:]}", "A shop")


async def accept(database: Database, person: Principal) -> SubjectId:
    assert person.subject_id is not None
    async with database.tenant_tx(Principal(person.tenant_id, "worker")) as tx:
        await erasures.accept(tx, person, person.subject_id)
    return person.subject_id


async def states(database: Database, tenant: Tenant) -> set[str]:
    async with database.control_tx() as tx:
        cursor = await tx.execute("select state from erasures where tenant_id = %s", (tenant.id,))
        return {row[0] for row in await cursor.fetchall()}


async def ask_anew(database: Database, tenant: Tenant) -> None:
    """As if the request came this moment, however long the killed worker took."""
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        await tx.execute("update erasures set requested_at = now(), due_at = now()")


async def settle(database: Database, tenant: Tenant) -> None:
    """As if the seconds after the request had passed."""
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        await tx.execute(
            "update erasures set requested_at = requested_at - interval '1 minute', due_at = now()"
        )


async def test_a_worker_killed_in_the_middle_leaves_the_rest_to_the_next(
    own_stores: Engines, own_database: Database, place: Workplace
) -> None:
    shop = await new_shop(own_database)
    person = await add_person(own_database, shop, "eve@example.com")
    talks = [await add_talk(own_database, person, days=1) for _ in range(45)]
    subject = await accept(own_database, person)
    owner = own_stores.migration_database_url
    async with serving({"/hook": answer(b"ok")}) as receiver, sinking() as sink:
        home = place.settings.home
        assert await killed_worker(own_stores, home, receiver, sink, "erasing") == -9
    left = await tables_with(owner, tuple(talk.id for talk in talks))
    assert {"conversations", "turns"} <= left, "it died after its first batch"
    assert await states(own_database, shop) == {"accepted"}

    near = replace(place, database=own_database)
    await ask_anew(own_database, shop)
    await erase_people(near)
    assert await tables_with(owner, (subject, *(talk.id for talk in talks))) == REMAINS
    assert await states(own_database, shop) == {"accepted"}, "it is looked at again, when all have heard"
    await settle(own_database, shop)
    assert not await erase_people(near)
    assert await states(own_database, shop) == {"done"}


async def test_in_a_suspended_tenant_too_and_a_store_that_is_away_delays_only_the_end(
    own_stores: Engines, own_database: Database, place: Workplace
) -> None:
    shop = await new_shop(own_database)
    person = await add_person(own_database, shop, "eve@example.com")
    talk = await add_talk(own_database, person, days=1)
    await accept(own_database, person)
    async with own_database.control_tx() as tx:
        await tx.execute("update tenants set status = 'suspended' where id = %s", (shop.id,))
    await settle(own_database, shop)
    broken = place.settings.home / "mail"
    broken.mkdir()
    (broken / "x.eml").mkdir()  # cannot be read as a file
    near = replace(place, database=own_database)
    await erase_people(near)
    assert await tables_with(own_stores.migration_database_url, talk.ids) == {"erasures"}
    assert await states(own_database, shop) == {"accepted"}
    async with own_database.control_tx() as tx:
        assert await erasures.list_due(tx, limit=1) == [], "others would go before it"
    (broken / "x.eml").rmdir()
    await settle(own_database, shop)
    await erase_people(near)
    assert await states(own_database, shop) == {"done"}
    assert await tables_with(own_stores.migration_database_url, talk.ids) == set()


async def test_mail_files_are_deleted_by_what_they_name_and_whom_they_went_to(
    tmp_path: Path, own_database: Database
) -> None:
    folder = MailFolder(tmp_path, "Desk <chat@desk.example>")
    named, other = new_id(), new_id()
    link = "https://desk.example/a/path/that/makes/the/line/longer/than/a/mail/may/have/console#"
    for about in (named, other):
        await folder.send(Mail(new_id(), "anne@desk.example", "Somebody waits", f"See {link}{about}"))
    await folder.send(Mail(new_id(), "Eve@shop.example", "Your code", "Code: 1"))
    async with own_database.control_tx() as tx:
        cursor = await tx.execute("select recipient_id(%s, 'eve@shop.example')", (named,))
        [(recipient,)] = await cursor.fetchall()
    assert recipient == recipient_id(named, "eve@SHOP.example")
    await folder.forget(named, [])
    await folder.forget(other, [recipient])
    assert len(files(tmp_path)) == 3
    await folder.forget(named, [recipient])
    assert len(files(tmp_path)) == 2
    await folder.forget(named, [named])
    [left] = files(tmp_path)
    assert str(named).encode() not in left.read_bytes().replace(b"=\r\n", b"")


async def test_the_fence_holds_for_a_turn_that_slipped_in_beside_the_request(own_database: Database) -> None:
    """Its place in the queue was not committed yet when the person was erased, so nobody could delete it."""
    shop = await new_shop(own_database)
    person = await add_person(own_database, shop, "eve@example.com")
    talk = await add_talk(own_database, person, days=0)
    assert person.subject_id is not None
    async with own_database.tenant_tx(person) as tx:
        turn_id = await begin_turn(tx, person, talk)
        await accept(own_database, person)
    async with own_database.control_tx() as tx:
        cursor = await tx.execute("select fence from turn_queue where turn_id = %s", (turn_id,))
        [(fence,)] = await cursor.fetchall()
    claim = Claim(turn_id, shop.id, talk.id, person.subject_id, fence, 1)
    for question in ("pass_fence", "hold_fence"):
        with pytest.raises(Fenced):
            async with own_database.tenant_tx(person) as tx:
                await tx.execute(f"select {question}(%s, %s)".encode(), (claim.turn_id, claim.fence))


async def test_no_turn_is_accepted_for_who_was_erased(own_database: Database) -> None:
    shop = await new_shop(own_database)
    person = await add_person(own_database, shop, "eve@example.com")
    talk = await add_talk(own_database, person, days=0)
    await accept(own_database, person)
    for opens, conversation in ((True, ConversationId(new_id())), (False, talk.id)):
        new = NewTurn(TurnId(new_id()), conversation, str(new_id()), b"hash", b"sealed", opens=opens)
        with pytest.raises(Erased):
            await turn_commits.accept(own_database, person, new, "enqueue")


async def test_who_waits_for_an_agent_that_is_erased_is_back_in_the_queue(
    own_database: Database, place: Workplace
) -> None:
    shop = await new_shop(own_database)
    customer = await add_person(own_database, shop, "cleo@example.com")
    agent = await add_person(own_database, shop, "anne@example.com")
    talk = await add_talk(own_database, customer, days=0)
    worker = Principal(shop.id, "worker")
    async with own_database.tenant_tx(worker) as tx:
        await tx.execute(
            "update handoffs set state = 'human', claimed_by = %s where id = %s",
            (agent.subject_id, talk.handoff_id),
        )
    await accept(own_database, agent)
    await erase_people(replace(place, database=own_database))
    async with own_database.tenant_tx(worker) as tx:
        cursor = await tx.execute("select state, claimed_by, due_at is not null from handoffs")
        assert await cursor.fetchall() == [("queued", None, True)]
        cursor = await tx.execute("select count(*) from messages")
        assert await cursor.fetchone() == (1,), "what the customer has stays"
