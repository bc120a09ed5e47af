"""Turns that cannot be completed: three tries, then a dead letter that an operator replays or drops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner

from desk.domain import Principal, TenantSettings
from desk.embedded import Engines
from graphs.streams.fanout import ROUND_SECONDS
from server.cli import app
from tests.graphs.speaking import RUNS
from tests.plugins.stores import temporary_home
from tests.server.replicas import (
    Replica,
    begun,
    new_tenant,
    replica,
    replica_settings,
    rest_of,
    resume,
    until,
)


@pytest.fixture(scope="module")
async def place(own_stores: Engines) -> AsyncIterator[Replica]:
    """A replica that takes over what nobody runs."""
    with temporary_home() as home:
        async with replica(replica_settings(own_stores, Path(home), in_process_worker=True)) as found:
            yield found


@pytest.fixture
async def slug(place: Replica) -> str:
    return await new_tenant(place)


@pytest.fixture
async def ann(place: Replica, slug: str) -> AsyncIterator[httpx.AsyncClient]:
    async with place.client("ann@x.org", slug) as client:
        yield client


@pytest.fixture
async def admin(place: Replica, slug: str) -> AsyncIterator[httpx.AsyncClient]:
    async with place.client("boss@x.org", slug, "admin") as client:
        yield client


async def dead(admin: httpx.AsyncClient) -> list[dict[str, object]]:
    response = await admin.get("/api/v1/turns", params={"state": "dead"})
    assert response.status_code == 200, response.text
    found: list[dict[str, object]] = response.json()["turns"]
    return found


async def fail_for_good(ann: httpx.AsyncClient, runs: int = 3) -> tuple[str, list[dict[str, object]]]:
    """A turn that breaks in `runs` runs, and its events."""
    async with begun(ann, f"break {runs}") as (turn, lines):
        return turn.turn_id, turn.events + await rest_of(lines)


async def test_a_turn_that_breaks_once_is_tried_again_under_its_readers_eyes(ann: httpx.AsyncClient) -> None:
    turn_id, events = await fail_for_good(ann, runs=2)
    assert RUNS[turn_id] == 3
    assert events[-1]["event"] == "done"
    revises = [event["id"] for event in events if event["event"] == "revise"]
    assert revises == [1_000_001, 2_000_001]
    assert [event["event"] for event in events].count("accepted") == 1


async def test_a_dead_letter_is_owed_to_the_tenants_own_service(place: Replica) -> None:
    wanted = TenantSettings(webhook_url="https://127.0.0.1/hook", handoff_mail_to=("boss@x.org",))
    slug = await new_tenant(place, wanted)
    async with place.client("ann@x.org", slug) as ann:
        turn_id, events = await fail_for_good(ann)
    database = place.desk.services.engine.database
    async with database.control_tx() as tx:
        cursor = await tx.execute(
            "select channel, kind, ids from deliveries d join tenants t on t.id = tenant_id where slug = %s",
            (slug,),
        )
        owed = await cursor.fetchall()
    ids = {"turn_id": turn_id, "conversation_id": events[0]["data"]["conversation_id"]}  # type: ignore[index]
    assert owed == [("webhook", "turn.dead", ids)]


async def test_three_tries_then_a_dead_letter_with_its_reason(
    ann: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    turn_id, events = await fail_for_good(ann)
    assert RUNS[turn_id] == 3
    assert events[-1]["event"] == "error"
    [letter] = await dead(admin)
    assert (letter["id"], letter["attempts"], letter["state"]) == (turn_id, 3, "dead")
    assert str(letter["reason"]).startswith("RuntimeError at graphs/speaking.py:")
    assert "secret" not in str(letter)
    assert "break" not in str(letter)


async def test_a_refusal_is_no_dead_letter(ann: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    async with begun(ann, "refuse") as (turn, lines):
        last = (turn.events + await rest_of(lines))[-1]
    assert (last["event"], last["data"]["status"]) == ("error", 422)
    assert RUNS[turn.turn_id] == 1
    assert await dead(admin) == []


async def test_a_replayed_turn_runs_again_and_its_customer_finds_the_answer(
    ann: httpx.AsyncClient, admin: httpx.AsyncClient, slug: str, place: Replica
) -> None:
    turn_id, events = await fail_for_good(ann)
    RUNS[turn_id] = 1  # two more runs break, the third one holds
    assert (await admin.post(f"/api/v1/turns/{turn_id}/replay")).status_code == 202
    later = await resume(ann, turn_id, int(str(events[-1]["id"])))
    assert later[-1]["event"] == "done"
    assert int(later[0]["id"]) - int(str(events[-1]["id"])) >= 1000
    assert later[0]["event"] == "revise"
    history = (await ann.get("/api/v1/chat/history")).json()["messages"]
    assert [message["role"] for message in history] == ["user", "assistant"]
    assert await dead(admin) == []
    assert (await admin.post(f"/api/v1/turns/{turn_id}/replay")).status_code == 404
    assert await acts(place, slug) == [("turn.replay", turn_id)]


async def test_a_replayed_turn_that_nobody_watched_has_its_new_end(
    ann: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    """The feed still has the error of the runs before, and nothing of a short run without a reader."""
    turn_id, _ = await fail_for_good(ann)
    RUNS[turn_id] = 5
    assert (await admin.post(f"/api/v1/turns/{turn_id}/replay")).status_code == 202

    async def answered() -> bool:
        history = (await ann.get("/api/v1/chat/history")).json()["messages"]
        return [message["role"] for message in history] == ["user", "assistant"]

    await until(answered)
    await asyncio.sleep(3 * ROUND_SECONDS)
    assert (await resume(ann, turn_id))[-1]["event"] == "done"


async def test_a_dropped_turn_is_gone_and_its_conversation_usable(
    ann: httpx.AsyncClient, admin: httpx.AsyncClient, slug: str, place: Replica
) -> None:
    turn_id, events = await fail_for_good(ann)
    assert (await admin.delete(f"/api/v1/turns/{turn_id}")).status_code == 204
    assert (await admin.delete(f"/api/v1/turns/{turn_id}")).status_code == 404
    assert (await ann.get(f"/api/v1/turns/{turn_id}/events")).status_code == 404
    assert await acts(place, slug) == [("turn.drop", turn_id)]
    conversation = events[0]["data"]["conversation_id"]  # type: ignore[index]
    body = {"message": "say 1 every 0", "conversation_id": conversation}
    assert (await ann.post("/api/v1/chat/", json=body)).status_code == 200


async def test_only_admins_of_the_tenant_see_and_touch_dead_letters(
    ann: httpx.AsyncClient, place: Replica, slug: str
) -> None:
    turn_id, _ = await fail_for_good(ann)
    agent, foreign = (
        place.client("a@x.org", slug, "agent"),
        place.client("b@x.org", await new_tenant(place), "admin"),
    )
    async with agent, foreign:
        for client in (ann, agent):
            assert (await client.get("/api/v1/turns", params={"state": "dead"})).status_code == 403
            assert (await client.post(f"/api/v1/turns/{turn_id}/replay")).status_code == 403
            assert (await client.delete(f"/api/v1/turns/{turn_id}")).status_code == 403
        assert await dead(foreign) == []
        assert (await foreign.post(f"/api/v1/turns/{turn_id}/replay")).status_code == 404
        assert (await foreign.delete(f"/api/v1/turns/{turn_id}")).status_code == 404
        assert (await foreign.get("/api/v1/turns", params={"state": "done"})).status_code == 422


async def test_a_turn_whose_process_dies_every_time_is_laid_aside(
    ann: httpx.AsyncClient, admin: httpx.AsyncClient, place: Replica
) -> None:
    """Three processes in a row took the turn and died; here they only say so in the queue."""
    async with begun(ann, "say 400 every 0.05", tokens=1) as (turn, _):
        database = place.desk.services.engine.database
        async with database.control_tx() as tx:
            await tx.execute(
                "update turn_queue set attempts = 3, fence = nextval('fences'), lease_until = now()"
                " where turn_id = %s",
                (turn.turn_id,),
            )

        async def is_dead() -> bool:
            return [letter["id"] for letter in await dead(admin)] == [turn.turn_id]

        await until(is_dead)
    [letter] = await dead(admin)
    assert "every try" in str(letter["reason"])


async def test_a_turn_of_a_deleted_conversation_leaves_the_queue(
    ann: httpx.AsyncClient, place: Replica
) -> None:
    async with begun(ann, "say 400 every 0.05", tokens=1) as (turn, _):
        await ann.delete(f"/api/v1/conversations/{turn.conversation_id}")
        database = place.desk.services.engine.database
        async with database.control_tx() as tx:
            await tx.execute(
                "update turn_queue set fence = nextval('fences'), lease_until = now() where turn_id = %s",
                (turn.turn_id,),
            )

        async def has_left() -> bool:
            async with database.control_tx() as tx:
                cursor = await tx.execute("select from turn_queue where turn_id = %s", (turn.turn_id,))
                return await cursor.fetchone() is None

        assert await until(has_left) < 2


async def test_the_commands_list_replay_and_drop(
    ann: httpx.AsyncClient, slug: str, own_stores: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", own_stores.database_url)
    monkeypatch.setenv("DESK_MIGRATION_DATABASE_URL", own_stores.migration_database_url)
    monkeypatch.setenv("REDIS_URL", str(own_stores.redis_url))
    monkeypatch.setattr("server.commands.opening.load_settings", _fresh_settings)
    turn_id, _ = await fail_for_good(ann)
    other, _ = await fail_for_good(ann)
    RUNS[turn_id] = 5

    async def desk(*words: str) -> tuple[int, str]:
        done = await asyncio.to_thread(CliRunner().invoke, app, ["turns", *words, "--tenant", slug])
        return done.exit_code, done.stdout

    code, listed = await desk("list")
    assert code == 0
    assert [line.split("\t")[0] for line in listed.splitlines()] == [turn_id, other]
    assert (await desk("replay", turn_id))[0] == 0
    assert (await desk("drop", other))[0] == 0

    async def answered() -> bool:
        return bool((await resume(ann, turn_id))[-1]["event"] == "done")

    # The command is another process: until this one has heard of the replay it tells the end that it knows.
    await until(answered)
    assert (await desk("list"))[1] == ""
    assert (await desk("drop", str(uuid4())))[0] != 0


def _fresh_settings() -> object:
    from desk.settings import Settings

    return Settings()


async def acts(place: Replica, slug: str) -> list[tuple[str, str]]:
    """What the audit of a tenant holds."""
    tenant = await place.desk.services.engine.tenants.get(slug)
    async with place.desk.services.engine.database.tenant_tx(Principal(tenant.id, "admin")) as tx:
        cursor = await tx.execute("select action, object from audit order by at")
        return [(action, target) for action, target in await cursor.fetchall()]
