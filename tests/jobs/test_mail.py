"""Staff are mailed when somebody waits: the right words to the right people, until it worked or is moot."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from desk.domain import HandoffReason, HandoffState, Principal, SubjectId, Tenant, TenantSettings, new_id
from desk.embedded import Engines
from desk.errors import Misconfigured
from desk.mail.mailers import NoMailer
from desk.mail.smtp import SmtpMailer, read_smtp_url
from desk.storage import deliveries, handoff_events, handoffs, tenants
from desk.storage.handoffs import Handoff, HandoffRequest
from desk.storage.pool import Database
from desk.telemetry.logs import configure_logs
from graphs.handoffs.ground import change_to
from graphs.handoffs.machine import Situation
from server.jobs.mail import deliver_mail
from server.jobs.registry import every_tenant, owed_by
from server.jobs.workplace import Workplace, open_workplace
from tests.conftest import add_person
from tests.jobs.conftest import AxisEmbedder
from tests.servers.smtp_sink import SmtpSink, sinking
from tests.storage.test_handoffs import converse

ANNE, BEN = "anne@desk.example", "ben@desk.example"
DUE = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
async def sink() -> AsyncIterator[SmtpSink]:
    async with sinking() as server:
        yield server


@pytest.fixture
def posted(place: Workplace, sink: SmtpSink) -> Workplace:
    """A workplace whose mail goes to the sink."""
    server = read_smtp_url(f"smtp://127.0.0.1:{sink.port}")
    mailer = SmtpMailer(server, "Desk <chat@desk.example>")
    settings = place.settings.model_copy(update={"public_url": "https://chat.desk.example"})
    return replace(place, mailer=mailer, settings=settings)


async def add_shop(database: Database, *mailed: str, timezone: str = "UTC") -> Tenant:
    async with database.control_tx() as tx:
        settings = TenantSettings(handoff_mail_to=mailed, timezone=timezone)
        return await tenants.create(tx, f"mailed-{new_id().hex[-12:]}", "Marginalia Books", settings)


async def ask_for_person(
    database: Database, shop: Tenant, reason: HandoffReason = "complaint", state: HandoffState = "queued"
) -> tuple[Principal, Handoff]:
    """A customer who now waits for a person."""
    customer = await add_person(database, shop, "ada.hidden@example.org")
    async with database.tenant_tx(customer) as tx:
        claim = await converse(tx, customer)
        await handoffs.request(tx, customer, claim, HandoffRequest(reason, state, "en", DUE))
        handoff = await handoffs.get_open(tx, claim.conversation_id)
    assert handoff is not None
    return customer, handoff


async def become(database: Database, shop: Tenant, handoff: Handoff, after: Situation) -> None:
    async with database.tenant_tx(Principal(shop.id, "worker")) as tx:
        assert await handoffs.change(tx, handoff, change_to(after, DUE))


async def owed(place: Workplace, shop: Tenant) -> list[tuple[str, str, int]]:
    """Kind, state and tries of each mail of the shop."""
    async with place.tx(shop) as tx:
        cursor = await tx.execute(
            "select kind, state, tries from deliveries where channel = 'mail' order by kind, state, tries"
        )
        return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def make_due(place: Workplace, shop: Tenant) -> None:
    async with place.tx(shop) as tx:
        await tx.execute("update deliveries set due_at = now() where state = 'waiting'")


def addressees(sink: SmtpSink) -> list[str]:
    return sorted(str(message["To"]) for message in sink.taken)


async def test_each_address_is_told_who_waits_since_when_why_and_where(
    database: Database, posted: Workplace, sink: SmtpSink
) -> None:
    shop = await add_shop(database, ANNE, BEN, timezone="Europe/Berlin")
    _, handoff = await ask_for_person(database, shop)
    assert shop.id in await owed_by("mail")(posted)
    assert not await deliver_mail(posted, shop)
    assert not await deliver_mail(posted, shop), "once"
    assert addressees(sink) == [ANNE, BEN]
    message = sink.taken[0]
    assert message["Subject"] == "Marginalia Books: somebody waits for a person"
    text = message.get_content()
    since = handoff.created_at
    assert f"Waiting since: {since + timedelta(hours=_berlin(since)):%Y-%m-%d %H:%M} (Europe/Berlin)" in text
    assert "To be answered by: 2026-07-01 11:30 (Europe/Berlin)" in text
    assert "Reason: the customer complained" in text
    assert f"\nhttps://chat.desk.example/console#{handoff.id}\n" in text.replace("\r\n", "\n")
    assert await owed(posted, shop) == [("handoff.queued", "delivered", 1)] * 2


def _berlin(moment: datetime) -> int:
    from zoneinfo import ZoneInfo

    offset = moment.astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
    assert offset is not None
    return int(offset.total_seconds() // 3600)


async def test_tickets_and_late_ones_are_mailed_in_words_of_their_own(
    database: Database, posted: Workplace, sink: SmtpSink
) -> None:
    shop = await add_shop(database, ANNE)
    _, handoff = await ask_for_person(database, shop, state="ticketed")
    async with posted.tx(shop) as tx:
        await handoff_events.add(tx, handoff.id, "sla_due")
    await deliver_mail(posted, shop)
    assert sorted(str(message["Subject"]) for message in sink.taken) == [
        "Marginalia Books: somebody has waited too long",
        "Marginalia Books: somebody left a request",
    ]


async def test_neither_outbox_nor_mail_hold_anything_of_the_customer_nor_of_the_staff(
    database: Database, posted: Workplace, sink: SmtpSink
) -> None:
    shop = await add_shop(database, ANNE)
    customer, _ = await ask_for_person(database, shop)
    async with posted.tx(shop) as tx:
        cursor = await tx.execute("select d::text, ids from deliveries d")
        rows = await cursor.fetchall()
    [(row, ids)] = rows
    assert ids.keys() == {"handoff_id", "conversation_id", "recipient_id"}
    assert all(str(UUID(value)) == value for value in ids.values())
    await deliver_mail(posted, shop)
    [message] = sink.taken
    for written in (row, message.as_string(), message.get_content()):
        assert "hidden" not in written
        assert str(customer.subject_id) not in written
    assert "anne" not in row
    assert "anne" not in message.get_content()


async def test_one_address_has_another_id_in_another_shop(database: Database, place: Workplace) -> None:
    found = []
    for shop in (await add_shop(database, ANNE), await add_shop(database, ANNE.upper())):
        async with place.tx(shop) as tx:
            found.append(await deliveries.recipients(tx))
    assert [list(each.values()) for each in found] == [[ANNE], [ANNE.upper()]]
    assert found[0].keys() != found[1].keys()


@pytest.mark.parametrize(
    "after",
    [Situation("human", SubjectId(uuid4()), awaited=True), Situation("returned"), Situation("closed")],
)
async def test_nobody_is_mailed_about_somebody_who_waits_no_longer(
    database: Database, posted: Workplace, sink: SmtpSink, after: Situation
) -> None:
    shop = await add_shop(database, ANNE)
    _, handoff = await ask_for_person(database, shop)
    await become(database, shop, handoff, after)
    await deliver_mail(posted, shop)
    assert sink.taken == []
    assert await owed(posted, shop) == [("handoff.queued", "needless", 1)]


@pytest.mark.parametrize("awaited", [True, False])
async def test_an_agent_who_took_it_and_went_away_is_late(
    database: Database, posted: Workplace, sink: SmtpSink, awaited: bool
) -> None:
    shop = await add_shop(database, ANNE)
    _, handoff = await ask_for_person(database, shop)
    await become(database, shop, handoff, Situation("human", SubjectId(uuid4()), awaited=awaited))
    async with posted.tx(shop) as tx:
        await handoff_events.add(tx, handoff.id, "sla_due")
    await deliver_mail(posted, shop)
    assert len(sink.taken) == awaited


async def test_an_address_that_was_taken_off_the_list_gets_nothing_more(
    database: Database, posted: Workplace, sink: SmtpSink
) -> None:
    shop = await add_shop(database, ANNE, BEN)
    await ask_for_person(database, shop)
    await set_mailed(database, shop, [BEN])
    await deliver_mail(posted, shop)
    assert addressees(sink) == [BEN]
    assert [row[1] for row in await owed(posted, shop)] == ["delivered", "needless"]


async def test_only_who_was_not_reached_is_tried_again(
    database: Database, posted: Workplace, sink: SmtpSink
) -> None:
    shop = await add_shop(database, ANNE)
    await ask_for_person(database, shop)
    sink.answers["RCPT"] = "450 later"
    await deliver_mail(posted, shop)
    assert await owed(posted, shop) == [("handoff.queued", "waiting", 1)]
    await set_mailed(database, shop, [ANNE, BEN])
    await ask_for_person(database, shop)
    sink.answers.clear()
    await deliver_mail(posted, shop)
    assert addressees(sink) == [ANNE, BEN], "the second request; the first waits for its time"
    sink.hangs.add("DATA")
    await make_due(posted, shop)
    hasty = SmtpMailer(
        read_smtp_url(f"smtp://127.0.0.1:{sink.port}"), "chat@desk.example", answer_seconds=0.5
    )
    await deliver_mail(replace(posted, mailer=hasty), shop)
    sink.hangs.clear()
    await make_due(posted, shop)
    await deliver_mail(posted, shop)
    assert addressees(sink) == [ANNE, ANNE, BEN]
    assert [row[1:] for row in await owed(posted, shop)] == [("delivered", n) for n in (1, 1, 3)]


async def test_five_tries_then_it_is_dead_until_retried(
    database: Database, posted: Workplace, sink: SmtpSink
) -> None:
    shop = await add_shop(database, ANNE)
    await ask_for_person(database, shop)
    sink.answers["MAIL"] = "421 too busy"
    for _ in range(6):
        await deliver_mail(posted, shop)
        await make_due(posted, shop)
    assert await owed(posted, shop) == [("handoff.queued", "dead", 5)]
    async with database.control_tx() as tx:
        [dead] = [each for each in await deliveries.list_dead(tx, limit=1000) if each.tenant_id == shop.id]
        assert (dead.channel, dead.kind) == ("mail", "handoff.queued")
        assert await deliveries.retry(tx, dead.id)
        cursor = await tx.execute(
            "select task_name from procrastinate_jobs where args ->> 'tenant_id' = %s", (str(shop.id),)
        )
        assert {row[0] for row in await cursor.fetchall()} == {"mail"}
    sink.answers.clear()
    await deliver_mail(posted, shop)
    assert addressees(sink) == [ANNE]


def degraded(capfd: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """The lines of the log that say so."""
    lines = [line for line in capfd.readouterr().err.splitlines() if '"degraded"' in line]
    return [json.loads(line) for line in lines]


async def test_production_without_a_mail_server_says_so_and_keeps_what_it_owes(
    database: Database, place: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logs("warning")
    shop = await add_shop(database, ANNE)
    await ask_for_person(database, shop)
    await deliver_mail(replace(place, mailer=NoMailer()), shop)
    [line] = degraded(capfd)
    assert (line["what"], line["level"]) == ("mail", "warning")
    assert line["instead"] == "kept and tried again: DESK_SMTP_URL is not set"
    assert await owed(place, shop) == [("handoff.queued", "waiting", 1)]


async def test_production_without_a_mail_server_says_so_at_its_start(
    migrated: Engines, place: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logs("warning")
    key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    settings = place.settings.model_copy(update={"environment": "production"})
    settings = settings.model_validate({**settings.model_dump(), "master_key": key})
    async with open_workplace(settings, migrated.database_url, AxisEmbedder()) as opened:
        assert isinstance(opened.mailer, NoMailer)
    [line] = degraded(capfd)
    assert (line["what"], line["instead"]) == ("mail", "none is sent: DESK_SMTP_URL is not set")


async def test_development_leaves_the_mail_in_its_folder(database: Database, place: Workplace) -> None:
    shop = await add_shop(database, ANNE)
    await ask_for_person(database, shop)
    await deliver_mail(place, shop)
    written = [file.read_text() for file in (place.settings.home / "mail").glob("*.eml")]
    assert len(written) == 1
    assert f"To: {ANNE}" in written[0]
    assert "http://127.0.0.1:8000/console#" in written[0].replace("=\n", "")


@pytest.mark.parametrize("broken", ["a@b.example", {"a": 1}, None, 7])
async def test_a_broken_setting_never_fails_the_customer_who_asks(
    database: Database, place: Workplace, broken: object
) -> None:
    shop = await add_shop(database, ANNE)
    await set_mailed(database, shop, broken)
    _, handoff = await ask_for_person(database, shop)
    assert handoff.state == "queued"
    assert await owed(place, shop) == []


@pytest.mark.parametrize(
    "mailed", [["nobody"], ["A <a@b.example>"], ["a@b.example"] * 21, ["a@b.c", 7], "a@b.c"]
)
async def test_a_setting_that_is_no_list_of_addresses_is_refused(
    database: Database, place: Workplace, mailed: object
) -> None:
    shop = await add_shop(database)
    await set_mailed(database, shop, mailed)
    with pytest.raises(Misconfigured, match="handoff_mail_to"):
        await place.tenants.read(shop.id)
    fine = await add_shop(database)
    assert {fine.id, shop.id} <= set(await every_tenant(place)), "the others' jobs go on"
    await set_mailed(database, shop, ["a@b.example"])
    assert (await place.tenants.read(shop.id)).settings.handoff_mail_to == ("a@b.example",)


async def set_mailed(database: Database, shop: Tenant, mailed: object) -> None:
    async with database.control_tx() as tx:
        await tx.execute(
            "update tenants set settings = settings || jsonb_build_object('handoff_mail_to', %s::jsonb)"
            " where id = %s",
            (json.dumps(mailed), shop.id),
        )
