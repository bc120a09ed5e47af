"""Recorded turns run again: the same if nothing changed, told apart if something did, never acting."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from desk.domain import Principal
from desk.errors import InvalidInput
from evals.candidates import SAME, Candidate, find_candidate
from evals.replay_pages import to_html, to_markdown
from evals.replay_runs import Wanted, replay_turns
from evals.replays import ReplayReport
from graphs.services import Services
from prompts.choice import unsaved
from prompts.intents import read_intents
from prompts.loader import load_prompt
from prompts.own_intents import INTENTS
from server.prompting import Move, add_version, promote
from tests.graphs.conftest import ada, bookshop, demo
from tests.graphs.conversing import POINTS, POINTS_ANSWER, Customer, calls

__all__ = ["ada", "bookshop", "demo"]

TABLES = ("turns", "messages", "turn_steps", "effects", "usage", "checkpoints", "conversations", "handoffs")
SAID = (
    "hi",
    "How long does shipping take?",
    "Where is my order 100234?",
    "Where is my order 100235?",
    "I live in 90210, my mail is ada.hidden@example.org",
    "recommend me a mystery",
    "I want to return order 100234",
    "no",
    "asdkjh qwe",
    "Where is my order 100234 and how long does shipping take?",
    "and 100235?",
    "What is your return policy? How much is shipping?",
    "and express?",
    "let me talk to a person",
)


async def replayed(
    customer: Customer, since: datetime, given: str | Candidate, **wanted: Any
) -> ReplayReport:
    services, tenant = customer.services, customer.tenant
    candidate = await find_candidate(services, tenant, given) if isinstance(given, str) else given
    asked = Wanted(since, **wanted)
    return await replay_turns(services, Principal(tenant.id, "worker"), tenant, candidate, asked)


async def counted(owner_url: str) -> dict[str, int]:
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        found = {}
        for table in TABLES:
            row = await (await connection.execute(f"select count(*) from shared.{table}")).fetchone()
            assert row is not None
            found[table] = row[0]
        return found


async def worse(customer: Customer) -> Candidate:
    """A candidate with another prompt."""
    found = await find_candidate(customer.services, customer.tenant, SAME)
    return replace(found, name="worse", prompt=unsaved(load_prompt("support"), "Say something. {{passages}}"))


@pytest.fixture
async def since() -> datetime:
    return datetime.now(UTC)


async def test_the_same_again_is_identical_and_leaves_no_trace(
    ada: Customer, since: datetime, owner_url: str
) -> None:
    ada.script(POINTS_ANSWER)
    for text in SAID:
        await ada.say(text)
    await ada.say("hello?")  # to the person: no graph runs
    ada.conversation = None
    await ada.say(POINTS)
    ada.script(calls("order_status", '{"order_id": "100234"}'), POINTS_ANSWER)
    await ada.say(POINTS)
    ada.services.engine.model = None
    before = await counted(owner_url)
    report = await replayed(ada, since, SAME)
    assert [(turn.asked, turn.changes, turn.why) for turn in report.turns if turn.changes] == []
    assert len(report.turns) == len(SAID) + 2
    assert dict(report.skipped) == {"no graph ran, a person had the conversation": 1}
    assert await counted(owner_url) == before
    assert "ada.hidden" not in to_html(report) + to_markdown(report)


async def test_with_another_prompt_only_turns_that_asked_the_model_diverge(
    ada: Customer, since: datetime
) -> None:
    ada.script(POINTS_ANSWER)
    await ada.say("How long does shipping take?")
    await ada.say(POINTS)
    model = ada.script("Never mind.")
    report = await replayed(ada, since, await worse(ada))
    assert (report.identical, report.changed, report.diverged) == (1, 0, 1)
    assert report.groups[0].name == "diverged at call_llm, the model would be asked something else"
    assert model.requests == []


async def test_asked_anew_the_worst_change_comes_first(
    ada: Customer, since: datetime, owner_url: str
) -> None:
    ada.script(POINTS_ANSWER)
    await ada.say(POINTS)
    ada.conversation = None
    await ada.say("How do points work, and what are a hundred of them worth?")
    model = ada.script("Nobody can say that.", "A hundred points are worth $5.")
    before = await counted(owner_url)
    report = await replayed(ada, since, await worse(ada), ask_model=True)
    assert len(model.requests) >= 1
    assert report.changed >= 1
    weights = [group.weight for group in report.groups]
    assert weights == sorted(weights, reverse=True)
    assert await counted(owner_url) == before
    html = to_html(report)
    assert "<svg" in html
    assert "http" not in html.replace("http-equiv", "")


async def test_an_order_that_changed_since_is_told_as_it_was(ada: Customer, since: datetime) -> None:
    first = await ada.say("Where is my order 100234?")
    services: Services = ada.services
    kept, services.http = services.http, None  # type: ignore[assignment]
    try:
        report = await replayed(ada, since, SAME)
    finally:
        services.http = kept
    assert report.identical == 1
    assert report.turns[0].before.text.split()[0] in first.text


async def test_candidates_are_found_by_name(ada: Customer, tmp_path: Path) -> None:
    told = await ada.say("hi")
    bundle = await find_candidate(ada.services, ada.tenant, told.reply["bundle"])
    assert bundle.notes == ()
    assert (await find_candidate(ada.services, ada.tenant, "support@1")).prompt == load_prompt("support", 1)
    file = tmp_path / "new.md"
    file.write_text("---\nversion: 9\n---\nSay it in {{language}}.")
    prompt = (await find_candidate(ada.services, ada.tenant, str(file))).prompt
    assert prompt is not None
    assert prompt.text == "Say it in {{language}}."
    for unknown in ("support@77", "0123456789abcdef", "canary", "nothing"):
        with pytest.raises(InvalidInput):
            await find_candidate(ada.services, ada.tenant, unknown)


async def test_other_intents_change_what_is_said_and_nothing_else(ada: Customer, since: datetime) -> None:
    admin = Principal(ada.tenant.id, "admin")
    text = read_intents("bookshop").replace("Hello and welcome to the bookshop!", "Ahoy!")
    async with ada.services.engine.database.tenant_tx(admin) as tx:
        version = await add_version(tx, admin, INTENTS, text, "")
        await promote(tx, admin, Move(INTENTS, "candidate", version))
    for message in ("hi", "What is your return policy?"):
        await ada.say(message)
    await ada.services.book.catch_up()
    await asyncio.gather(*ada.services.book.preparing)
    report = await replayed(ada, since, f"intents@{version}")
    assert (len(report.turns), report.identical) == (2, 1)
    (changed,) = [turn for turn in report.turns if turn.changes]
    assert changed.after is not None
    assert changed.after.text == "Ahoy! How can I help you today?"
    assert (await replayed(ada, since, SAME)).identical == 2


async def test_a_part_is_looked_up_as_then_though_another_is_told_otherwise(
    ada: Customer, since: datetime
) -> None:
    admin = Principal(ada.tenant.id, "admin")
    text = read_intents("bookshop").replace("We accept Visa, Mastercard", "Gladly Visa, Mastercard")
    async with ada.services.engine.database.tenant_tx(admin) as tx:
        version = await add_version(tx, admin, INTENTS, text, "")
        await promote(tx, admin, Move(INTENTS, "candidate", version))
    await ada.say("Which cards do you take? And where is order 100234?")
    await ada.services.book.catch_up()
    await asyncio.gather(*ada.services.book.preparing)
    (turn,) = (await replayed(ada, since, f"intents@{version}")).turns
    assert turn.after is not None, turn.why
    assert turn.after.text.startswith("Gladly Visa")
    assert "Order 100234 is: shipped" in turn.after.text


async def test_the_audit_tells_of_it(ada: Customer, since: datetime, owner_url: str) -> None:
    await replayed(ada, since, SAME)
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        cursor = await connection.execute(
            "select actor from shared.audit where action = 'replays.run' order by id desc limit 1"
        )
        assert await cursor.fetchone() == ("worker",)
