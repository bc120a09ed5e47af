"""From a customer's words to the shop's own service and its people's mailboxes, and to nobody else's."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from desk.domain import TenantSettings
from desk.embedded import Engines
from desk.subjects.master_keys import open_master_key
from server.jobs.webhooks import webhook_secret
from tests.plugins.stores import temporary_home
from tests.server.handoff_wire import act, ask_for_person, waiting
from tests.server.replicas import Replica, new_tenant, replica, replica_settings
from tests.server.wire import ask
from tests.servers.smtp_sink import SmtpSink, sinking
from tests.tools.local_server import LocalServer, answer, serving

ANNE, RIVAL = "anne@desk.example", "rita@rival.example"


@pytest.fixture
async def receiver() -> AsyncIterator[LocalServer]:
    async with serving({"/ours": answer(b"ok"), "/theirs": answer(b"ok")}) as server:
        yield server


@pytest.fixture
async def sink() -> AsyncIterator[SmtpSink]:
    async with sinking() as server:
        yield server


@pytest.fixture
async def place(own_stores: Engines, receiver: LocalServer, sink: SmtpSink) -> AsyncIterator[Replica]:
    """The application with its jobs, which reaches the receiver and the sink."""
    with temporary_home() as home:
        settings = replica_settings(
            own_stores,
            Path(home),
            in_process_worker=True,
            webhook_hosts=(receiver.origin,),
            smtp_url=SecretStr(f"smtp://127.0.0.1:{sink.port}"),
            mail_from="Desk <chat@desk.example>",
            public_url="https://chat.desk.example",
        )
        async with replica(settings) as found:
            found.desk.services.flow = None
            yield found


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.02)


def told(receiver: LocalServer, path: str) -> list[dict[str, str]]:
    """What came to this path."""
    return [
        json.loads(request.partition(b"\r\n\r\n")[2])
        for request in receiver.heard
        if request.startswith(f"POST {path} ".encode())
    ]


def signature_holds(request: bytes, secret: str) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    header = next(line for line in head.decode().split("\r\n") if line.lower().startswith("x-desk-signature"))
    second, mac = (part.partition("=")[2] for part in header.split(": ")[1].split(","))
    return hmac.compare_digest(
        mac, hmac.digest(secret.encode(), f"{second}.".encode() + body, "sha256").hex()
    )


async def test_a_shop_is_told_of_its_own_handoffs_and_of_no_others(
    place: Replica, receiver: LocalServer, sink: SmtpSink
) -> None:
    ours = await new_tenant(place, TenantSettings(webhook_url=receiver.url("/ours"), handoff_mail_to=(ANNE,)))
    theirs = await new_tenant(
        place, TenantSettings(webhook_url=receiver.url("/theirs"), handoff_mail_to=(RIVAL,))
    )
    async with place.client("ada.hidden@x.example", ours) as ada, place.client(ANNE, ours, "agent") as anne:
        conversation = await ask_for_person(ada)
        await ask(ada, "My teapot is broken, write to ada.hidden@x.example", conversation_id=conversation)
        await until(lambda: len(told(receiver, "/ours")) == 2 and len(sink.taken) == 1)
        handoff = (await waiting(anne, conversation))["id"]
        await act(anne, handoff, "claim")
        await act(anne, handoff, "close")
        await until(lambda: len(told(receiver, "/ours")) == 4)
    async with place.client("bob@x.example", theirs) as bob:
        await ask_for_person(bob)
        await until(lambda: len(told(receiver, "/theirs")) == 1 and len(sink.taken) == 2)

    kinds = sorted(event["kind"] for event in told(receiver, "/ours"))
    assert kinds == ["handoff.claimed", "handoff.closed", "handoff.message", "handoff.queued"]
    assert [str(message["To"]) for message in sink.taken] == [ANNE, RIVAL]
    assert f"https://chat.desk.example/console#{handoff}" in sink.taken[0].get_content()
    went_out = b"".join(receiver.heard).decode() + "".join(message.as_string() for message in sink.taken)
    assert not [word for word in ("hidden", "teapot", "bob@") if word in went_out]

    services = place.desk.services
    owner = await services.engine.tenants.get(ours)
    master = await open_master_key(services.engine.settings, services.engine.database)
    secret = webhook_secret(master, owner.id)
    holds = [signature_holds(request, secret) for request in receiver.heard]
    assert holds == [request.startswith(b"POST /ours ") for request in receiver.heard], "each shop its own"


async def test_an_ordinary_talk_is_told_to_nobody(
    place: Replica, receiver: LocalServer, sink: SmtpSink
) -> None:
    slug = await new_tenant(place, TenantSettings(webhook_url=receiver.url("/ours"), handoff_mail_to=(ANNE,)))
    async with place.client("ada@x.example", slug) as ada:
        await ask(ada, "hi")
        await ask_for_person(ada)
    await until(lambda: len(told(receiver, "/ours")) == 1 and len(sink.taken) == 1)
    assert told(receiver, "/ours")[0]["kind"] == "handoff.queued"
