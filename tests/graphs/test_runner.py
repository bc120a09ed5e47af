"""The runner: fences, leases, takeovers, its end, and what a cancelled turn leaves for the next one."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from desk.domain import ConversationId, Principal, SubjectId, Tenant, TurnId
from desk.embedded import Engines
from desk.errors import Draining, Fenced
from desk.events import Done, Failed, Revised, Token
from desk.models.fallback import FallbackModel
from desk.models.scripted import ScriptedModel
from desk.settings import Settings
from desk.storage import messages, tenants, turn_queue, turns
from desk.storage.messages import Message
from desk.telemetry.logs import configure_logs
from graphs.commits.inbox import TurnRequest
from graphs.registry import open_services
from graphs.runtime.runner import TurnRunner
from graphs.services import Services
from graphs.streams.turn_stream import TurnStream
from tests.conftest import MODELS
from tests.graphs.speaking import RUNS, speaking_flow, words
from tests.plugins.stores import temporary_home
from tests.server.replicas import replica_settings, until


@pytest.fixture(scope="module")
async def settings(own_stores: Engines) -> AsyncIterator[Settings]:
    with temporary_home() as home:
        yield replica_settings(own_stores, Path(home))


@pytest.fixture(scope="module")
async def services(settings: Settings) -> AsyncIterator[Services]:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    configure_logs("error")
    async with open_services(settings, url, on_degraded=lambda _what, _instead: None) as found:
        found.flow = speaking_flow()
        yield found


@pytest.fixture
async def shop(services: Services) -> Tenant:
    async with services.engine.database.control_tx() as tx:
        return await tenants.create(tx, f"shop-{uuid4().hex[:12]}", "A shop")


@pytest.fixture
async def ann(services: Services, shop: Tenant) -> Principal:
    subject = await services.engine.keys.subject(shop.id, "deskgraph", "ann@x.org")
    return Principal(shop.id, "user", subject, "ann@x.org")


@asynccontextmanager
async def running(
    services: Services, *, take_orphans: bool = False, longest_turn: float = 60.0
) -> AsyncIterator[TurnRunner]:
    runner = TurnRunner(services, on_end=lambda *_: None, longest_turn=longest_turn)
    await runner.start(take_orphans=take_orphans)
    yield runner
    await runner.stop()


@asynccontextmanager
async def lone_runner(
    settings: Settings, shop: Tenant, message: str, *, count: int = 1, lease: int = 6
) -> AsyncIterator[Process]:
    """Another process with turns of its own."""
    assert settings.database_url is not None
    environment = os.environ | {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "DESK_HOME": str(settings.home),
        "DESK_MODELS_DIR": str(MODELS),
    }
    command = [sys.executable, "-m", "tests.graphs.lone_runner", shop.slug, message, str(count), str(lease)]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: Process) -> list[str]:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().split()


async def say(runner: TurnRunner, who: Principal, shop: Tenant, message: str) -> TurnStream:
    return await runner.submit(who, shop, TurnRequest(message, str(uuid4())))


async def record(services: Services, who: Principal, conversation: UUID) -> list[Message]:
    async with services.engine.database.tenant_tx(who) as tx:
        return await messages.list_page(
            tx, conversation_id=ConversationId(conversation), subject_id=None, after=None, limit=100
        )


async def first(stream: TurnStream, kind: type) -> None:
    async for _, event in stream.read():
        if isinstance(event, kind):
            return


async def test_a_process_that_slept_past_its_lease_is_fenced_and_commits_nothing(
    settings: Settings, services: Services, shop: Tenant
) -> None:
    async with lone_runner(settings, shop, "say 15 every 0.1", lease=2) as sleeper:
        _, turn_id, subject = await line(sleeper)
        who = Principal(shop.id, "user", SubjectId(UUID(subject)))
        sleeper.send_signal(signal.SIGSTOP)
        async with running(services, take_orphans=True) as runner:
            stream = await runner.follow(who, TurnId(UUID(turn_id)))
            stream.patience = None
            reply = await stream.outcome()
            assert RUNS[turn_id] == 1, "it ran here"
            assert reply["reply"]["text"] == words(15)
        before = await record(services, who, stream.conversation_id)
        sleeper.send_signal(signal.SIGCONT)
        assert await line(sleeper) == ["end", "503"]
        assert await record(services, who, stream.conversation_id) == before
    assert [message.role for message in before] == ["user", "assistant"]


async def test_the_turns_of_a_killed_process_go_on_elsewhere(
    settings: Settings, services: Services, shop: Tenant
) -> None:
    async with lone_runner(settings, shop, "say 200 every 0.1", count=4) as doomed:
        accepted = [await line(doomed) for _ in range(4)]
        await asyncio.sleep(0.3)
        doomed.kill()
        killed = time.monotonic()
        async with running(services, take_orphans=True) as runner:

            async def recovered(turn_id: str, subject: str) -> float:
                who = Principal(shop.id, "user", SubjectId(UUID(subject)))
                stream = await runner.follow(who, TurnId(UUID(turn_id)))
                await first(stream, Revised)
                took = time.monotonic() - killed
                await runner.cancel(who, stream.turn_id)
                return took

            times = await asyncio.gather(*(recovered(turn, subject) for _, turn, subject in accepted))
    assert max(times) <= 8


async def test_a_turn_that_does_not_end_loses_its_lease(
    services: Services, ann: Principal, shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphs.runtime.running._OVERDUE_SECONDS", 0.2)
    monkeypatch.setattr("graphs.runtime.runner.RENEW_SECONDS", 0.1)
    async with running(services, longest_turn=0.2) as runner:
        stream = await say(runner, ann, shop, "hang")
        await asyncio.sleep(1.0)
        left = [await _lease_left(services, stream.turn_id)]
        await asyncio.sleep(0.5)
        left.append(await _lease_left(services, stream.turn_id))
        assert left[1] <= left[0] - 0.4, "nobody renews it"
        await stream.outcome()


async def _lease_left(services: Services, turn_id: UUID) -> float:
    async with services.engine.database.control_tx() as tx:
        cursor = await tx.execute(
            "select extract(epoch from lease_until - clock_timestamp())::float from turn_queue"
            " where turn_id = %s",
            (turn_id,),
        )
        row = await cursor.fetchone()
    assert row is not None
    return float(row[0])


async def test_a_store_that_was_away_costs_a_turn_no_try(
    own_stores: Engines, services: Services, ann: Principal, shop: Tenant
) -> None:
    async with running(services) as runner:
        stream = await say(runner, ann, shop, "say 5 every 0.1")
        await first(stream, Token)
        async with await psycopg.AsyncConnection.connect(own_stores.migration_database_url) as owner:
            await owner.execute("lock table shared.turns, shared.messages in access exclusive mode")
            await stream.over()
            await owner.execute("select pg_terminate_backend(pid) from pg_locks where not granted")
        await _until_runs(services, stream.turn_id, (1, 1))
    async with running(services, take_orphans=True) as runner:
        again = await runner.follow(ann, stream.turn_id)
        again.patience = None
        assert (await again.outcome())["reply"]["text"] == words(5)


async def test_a_turn_that_another_process_took_while_the_store_was_away_costs_no_try(
    own_stores: Engines, services: Services, ann: Principal, shop: Tenant
) -> None:
    async with running(services) as runner:
        stream = await say(runner, ann, shop, "say 400 every 0.1")
        await first(stream, Token)
        async with await psycopg.AsyncConnection.connect(own_stores.migration_database_url) as owner:
            await owner.execute("lock table desk_control.turn_queue in access exclusive mode")
            await asyncio.sleep(8)  # a renewal, and its wait
            await owner.execute(
                "update desk_control.turn_queue set fence = fence + 1, attempts = 2 where turn_id = %s",
                (stream.turn_id,),
            )
        await stream.over()
        await _until_runs(services, stream.turn_id, (2, 1))


async def test_a_run_is_forgiven_by_its_own_process_and_not_for_ever(
    services: Services, ann: Principal, shop: Tenant
) -> None:
    async with running(services) as runner:
        stream = await say(runner, ann, shop, "say 30 every 0.1")
        database = services.engine.database
        claim = await _claim_of(services, stream.turn_id)
        async with database.control_tx() as tx:
            await turn_queue.forgive(tx, [dataclasses.replace(claim, fence=claim.fence + 1)])
        assert await _runs(services, stream.turn_id) == (1, 0), "a claim that was never made"
        async with database.control_tx() as tx:
            for _ in range(2):
                await turn_queue.forgive(tx, [claim])
        assert await _runs(services, stream.turn_id) == (1, 1), "never more than there were"
        async with database.control_tx() as tx:
            await tx.execute("update turn_queue set attempts = 21 where turn_id = %s", (claim.turn_id,))
            await turn_queue.forgive(tx, [claim])
        assert await _runs(services, stream.turn_id) == (21, 1), "somebody has to look at it"
        await runner.cancel(ann, stream.turn_id)
        await stream.over()


async def _until_runs(services: Services, turn_id: UUID, runs: tuple[int, int]) -> None:
    async def there() -> bool:
        return await _runs(services, turn_id) == runs

    await until(there, 20)


async def _runs(services: Services, turn_id: UUID) -> tuple[int, int]:
    """How often it was run, and how many of these count as no try."""
    async with services.engine.database.control_tx() as tx:
        cursor = await tx.execute("select attempts, forgiven from turn_queue where turn_id = %s", (turn_id,))
        attempts, forgiven = await cursor.fetchone() or (0, 0)
    return attempts, forgiven


async def _claim_of(services: Services, turn_id: UUID) -> turns.Claim:
    async with services.engine.database.control_tx() as tx:
        cursor = await tx.execute(
            "select turn_id, tenant_id, conversation_id, subject_id, fence, attempts from turn_queue"
            " where turn_id = %s",
            (turn_id,),
        )
        row = await cursor.fetchone()
    assert row is not None
    return turns.Claim(*row)


async def test_a_lease_is_renewed_while_the_turn_runs(
    services: Services, ann: Principal, shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphs.runtime.runner.RENEW_SECONDS", 0.1)
    async with running(services) as runner:
        stream = await say(runner, ann, shop, "say 10 every 0.1")
        await asyncio.sleep(0.8)
        assert await _lease_left(services, stream.turn_id) > 5.5
        assert (await stream.outcome())["reply"]["text"] == words(10)


async def test_a_turn_over_its_time_ends_with_an_error_and_is_laid_aside(
    services: Services, ann: Principal, shop: Tenant
) -> None:
    async with running(services, longest_turn=0.3) as runner:
        stream = await say(runner, ann, shop, "say 400 every 0.05")
        assert (await stream.outcome())["status"] == 500
    async with services.engine.database.tenant_tx(ann) as tx:
        turn = await turns.get(tx, stream.turn_id)
    assert turn is not None
    assert (turn.state, str(turn.reason).split(" ")[0]) == ("dead", "TimeoutError")
    assert RUNS[str(stream.turn_id)] == 1


async def test_a_stopping_runner_finishes_what_ends_soon_and_hands_back_the_rest(
    services: Services, ann: Principal, shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphs.runtime.runner.FINISH_SECONDS", 0.8)
    runner = TurnRunner(services, on_end=lambda *_: None)
    await runner.start(take_orphans=False)
    short = await say(runner, ann, shop, "say 4 every 0.1")
    long = await say(runner, ann, shop, "say 30 every 0.1")
    began = time.monotonic()
    runner.drain()
    with pytest.raises(Draining):
        await say(runner, ann, shop, "hello")
    await runner.stop()
    assert time.monotonic() - began < 1.5
    assert isinstance(short.last, Done)
    assert long.abandoned
    assert (await long.outcome())["status"] == 503
    async with running(services, take_orphans=True) as other:
        handed_back = time.monotonic()
        stream = await other.follow(ann, long.turn_id)
        await first(stream, Revised)
        assert time.monotonic() - handed_back < 1.5, "nobody waits for a lease to run out"
        stream.patience = None
        assert (await stream.outcome())["reply"]["text"] == words(30)


async def test_a_cancel_asked_of_the_database_alone_is_heard_at_a_renewal(
    services: Services, ann: Principal, shop: Tenant
) -> None:
    async with running(services) as runner:
        stream = await say(runner, ann, shop, "say 400 every 0.05")
        await first(stream, Token)
        async with services.engine.database.control_tx() as tx:
            await turn_queue.ask_cancel(tx, stream.turn_id)
        asked = time.monotonic()
        assert (await stream.outcome())["title"] == "Cancelled"
        assert time.monotonic() - asked < 3


async def test_the_next_turn_knows_what_a_cancelled_one_said(
    services: Services, ann: Principal, shop: Tenant
) -> None:
    """The real graph: the model's stream is closed, and its next request holds the part that was shown."""
    model = ScriptedModel(["We ship quickly " * 100, "Fine."], pause=0.02)
    speaking, services.flow = services.flow, None
    services.engine.model = FallbackModel([model], total_seconds=30)
    try:
        async with running(services) as runner:
            stream = await say(runner, ann, shop, "Tell me a long story about typewriters and their makers")
            await asyncio.wait_for(first(stream, Token), 10)
            asked = time.monotonic()
            await runner.cancel(ann, stream.turn_id)
            assert (await stream.outcome())["title"] == "Cancelled"
            assert time.monotonic() - asked < 1
            shown = "".join([event.text async for _, event in stream.read() if isinstance(event, Token)])
            asks = "Which typewriter was the first of them all"
            request = TurnRequest(asks, str(uuid4()), stream.conversation_id)
            later = await runner.submit(ann, shop, request)
            await later.outcome()
        asked_next = model.requests[-1].messages
        assert {"role": "assistant", "content": shown} in asked_next
        assert [message.role for message in await record(services, ann, stream.conversation_id)] == [
            "user",
            "assistant",
            "user",
            "assistant",
        ]
    finally:
        services.flow, services.engine.model = speaking, None


async def test_a_stream_that_is_given_up_here_fails_in_a_way_that_may_be_retried() -> None:
    stream = TurnStream(TurnId(uuid4()), ConversationId(uuid4()))
    stream.publish(Token("half "))
    stream.abandon()
    events = [event async for _, event in stream.read()]
    assert isinstance(events[-1], Failed)
    assert events[-1].problem["status"] == 503
    assert b"event: error" not in b"".join([one async for one in stream.frames()])


async def test_a_renewal_tells_how_a_turn_stands_and_a_lost_one_cannot_commit(
    services: Services, ann: Principal, shop: Tenant
) -> None:
    async with running(services) as runner:
        streams = [await say(runner, ann, shop, "say 40 every 0.1") for _ in range(4)]
        database = services.engine.database
        claims = [await _claim_of(services, stream.turn_id) for stream in streams]
        held, cancelled, taken, ended = claims
        async with database.control_tx() as tx:
            await turn_queue.ask_cancel(tx, cancelled.turn_id)
            assert await turn_queue.claim_again(tx, taken) is not None
            await turn_queue.forget(tx, ended)
            standings = await turn_queue.renew(tx, claims)
        for lost in (taken, ended):
            with pytest.raises(Fenced):
                async with database.tenant_tx(ann) as tx:
                    await turns.pass_fence(tx, lost)
        assert standings == {held.turn_id: "held", cancelled.turn_id: "cancelled", taken.turn_id: "taken"}
        for stream in streams[:2]:
            await runner.cancel(ann, stream.turn_id)
            await stream.over()
