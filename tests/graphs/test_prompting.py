"""Prompts of turns: labels say which, conversations stay with theirs, and each reply names its bundle."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

import pytest

from desk.domain import ConversationId, Principal, Tenant, TenantSettings
from desk.retrieval.ingest import ingest
from desk.storage import prompt_bundles, tenants
from desk.storage.faqs import FaqEntry
from graphs.prompting.book import PromptBook
from graphs.services import Services
from graphs.turn import run_turn
from graphs.untraced import spawn
from prompts.choice import PromptChoice
from prompts.loader import load_prompt
from prompts.shelf import place_of
from server.prompting import Move, add_version, promote, roll_back
from tests.graphs.conversing import POINTS, POINTS_ANSWER, Customer, Told, contents

TEXT = "You are {{shop_name}}. Answer in {{language}} from these.\n{{passages}}\n{{summary}}"


@pytest.fixture
async def shop(bookshop: Services) -> Any:
    """A customer of a shop of its own, whose labels nobody else moves."""
    async with bookshop.engine.database.control_tx() as tx:
        settings = TenantSettings(intent_pack="bookshop")
        tenant = await tenants.create(tx, f"shop-{uuid4().hex[:12]}", "A shop", settings)
    faq = FaqEntry(
        "points", "How do loyalty points work?", f"You collect 1 point a dollar. {POINTS_ANSWER}", None, "en"
    )
    await ingest(bookshop.engine.database, bookshop.engine.embedder, Principal(tenant.id, "admin"), [faq])
    yield await Customer.of(bookshop, "ada@example.com", tenant.slug)
    bookshop.engine.model = None


def admin(tenant: Tenant) -> Principal:
    return Principal(tenant.id, "admin")


async def write(shop: Customer, text: str) -> int:
    async with shop.services.engine.database.tenant_tx(admin(shop.tenant)) as tx:
        return await add_version(tx, admin(shop.tenant), "support", text, "a note")


async def label(shop: Customer, version: int | None, name: Any = "production", **more: Any) -> None:
    async with shop.services.engine.database.tenant_tx(admin(shop.tenant)) as tx:
        await promote(tx, admin(shop.tenant), Move("support", name, version, **more))


async def ask(shop: Customer, *, afresh: bool = True) -> Told:
    if afresh:
        shop.conversation = None
    return await shop.say(POINTS)


async def until_version(shop: Customer, version: int) -> float:
    """Seconds until a new conversation gets this version."""
    began = time.monotonic()
    while (told := await ask(shop)).reply["prompt"]["version"] != version:
        assert time.monotonic() - began < 15, f"still {told.reply['prompt']}"
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_a_label_moves_new_conversations_and_leaves_those_that_have_begun(shop: Customer) -> None:
    model = shop.script(POINTS_ANSWER)
    before = await ask(shop)
    assert before.reply["prompt"]["version"] == load_prompt("support").version
    begun = shop.conversation
    mine = await write(shop, TEXT)
    assert mine == 1001
    await label(shop, mine)
    await until_version(shop, mine)
    assert contents(model.requests[-1]).startswith("{'role': 'system', 'content': 'You are A shop. Answer in")
    shop.conversation = begun
    assert (await ask(shop, afresh=False)).reply["prompt"] == before.reply["prompt"]
    async with shop.services.engine.database.tenant_tx(admin(shop.tenant)) as tx:
        back = await roll_back(tx, admin(shop.tenant), "support", "production", "", "worse")
    assert back is None
    await until_version(shop, load_prompt("support").version)


async def test_a_conversation_is_pinned_at_its_first_turn_even_to_what_it_did_not_use_yet(
    shop: Customer,
) -> None:
    shop.script(POINTS_ANSWER)
    greeted = await shop.say("hello")
    assert greeted.reply["prompt"] is None
    begun = shop.conversation
    mine = await write(shop, TEXT)
    await label(shop, mine)
    await until_version(shop, mine)
    shop.conversation = begun
    assert (await ask(shop, afresh=False)).reply["prompt"]["version"] == load_prompt("support").version


async def test_a_canary_takes_its_share_of_conversations_and_is_counted(shop: Customer) -> None:
    shop.script(POINTS_ANSWER)
    mine = await write(shop, TEXT)
    await label(shop, mine, "canary", share=0.5)
    await shop.services.book.catch_up()
    versions = {}
    for _ in range(12):
        told = await ask(shop)
        conversation = ConversationId(uuid4().__class__(told.reply["conversation_id"]))
        versions[conversation] = told.reply["prompt"]["version"]
        assert (await ask(shop, afresh=False)).reply["prompt"]["version"] == versions[conversation]
    for conversation, version in versions.items():
        assert (version == mine) == (place_of("support", conversation) < 0.5)
    async with shop.services.engine.database.tenant_tx(admin(shop.tenant)) as tx:
        found = await prompt_bundles.figures(tx, shop.tenant.id, "support", days=1)
    counted = {(one.version, one.label): (one.turns, one.conversations) for one in found}
    canaries = sum(version == mine for version in versions.values())
    expected = {(mine, "canary"): canaries, (load_prompt("support").version, "production"): 12 - canaries}
    assert counted == {key: (2 * n, n) for key, n in expected.items() if n}
    assert all(one.prompt_tokens > 0 for one in found)


async def test_what_a_turn_is_told_wins_and_leaves_no_pin(shop: Customer) -> None:
    model = shop.script(POINTS_ANSWER)
    told = PromptChoice().with_text("support", "Say it in {{language}}: {{passages}}")
    events = Told()
    turn = await shop.accepted(POINTS)
    await spawn(run_turn(shop.services, turn, events.events.append, prompts=told))
    assert events.reply["prompt"]["version"] == 0
    assert "Say it in English" in contents(model.requests[-1])
    shop.conversation = turn.claim.conversation_id
    assert (await ask(shop, afresh=False)).reply["prompt"]["version"] == load_prompt("support").version


async def test_a_bundle_tells_what_it_was_made_of_and_changes_with_each_part(shop: Customer) -> None:
    shop.script(POINTS_ANSWER)
    first = (await ask(shop)).reply["bundle"]
    assert (await ask(shop)).reply["bundle"] == first
    engine = shop.services.engine
    async with engine.database.tenant_tx(admin(shop.tenant)) as tx:
        made_of = await prompt_bundles.get(tx, shop.tenant.id, first)
        rows = await (
            await tx.execute(
                "select t.bundle, m.bundle from turns t join messages m on m.turn_id = t.id"
                " where m.role = 'assistant'"
            )
        ).fetchall()
    assert set(rows) == {(first, first)}
    assert made_of is not None
    assert made_of["prompts"]["support"]["sha"] == load_prompt("support").sha
    assert [spec["name"] for spec in made_of["models"]] == ["scripted"]
    assert set(made_of["tools"]) == set(shop.services.tools)
    faq = FaqEntry("new", "Do you have a cat?", "We have two.", None, "en")
    await ingest(engine.database, engine.embedder, admin(shop.tenant), [faq])
    await shop.services.book.catch_up()
    knows_more = (await ask(shop)).reply["bundle"]
    await ingest(engine.database, engine.embedder, admin(shop.tenant), [faq])
    await shop.services.book.catch_up()
    assert (await ask(shop)).reply["bundle"] == knows_more
    engine.model = None
    silent = (await shop.say("hello")).reply["bundle"]
    assert len({first, knows_more, silent}) == 3


async def test_another_process_sees_a_label_by_its_mark_and_never_half_of_it(shop: Customer) -> None:
    other = PromptBook(shop.services.engine.database, shop.services.understandings.prepare)
    before = (await other.shelved(shop.tenant)).shelf
    mine = await write(shop, TEXT)
    await label(shop, mine)
    assert (await other.shelved(shop.tenant)).shelf is before
    following = asyncio.create_task(other.follow())
    try:
        began = time.monotonic()
        while (shelf := (await other.shelved(shop.tenant)).shelf) is before:
            assert time.monotonic() - began < 15
            await asyncio.sleep(0.01)
    finally:
        following.cancel()
    assert shelf.pointers("support", "web")["production"].version == mine
    assert shelf.find("support", mine) is not None
    assert before.pointers("support", "web") == {}


async def test_labels_for_all_tenants_hold_where_a_tenant_has_none(shop: Customer) -> None:
    book = PromptBook(shop.services.engine.database, shop.services.understandings.prepare)
    async with shop.services.engine.database.control_tx() as tx:
        platform = await tenants.find(tx, tenants.PLATFORM)
    assert platform is not None
    who = Principal(platform.id, "worker")
    channel = f"c{uuid4().hex[:8]}"  # so that other tests of this database do not see it
    assert (await book.shelved(shop.tenant)).shelf.pointers("support", channel) == {}
    async with shop.services.engine.database.tenant_tx(who) as tx:
        await promote(tx, who, Move("support", "production", 1, channel))
    await book.catch_up()
    assert (await book.shelved(shop.tenant)).shelf.pointers("support", channel)["production"].version == 1
    mine = await write(shop, TEXT)
    await label(shop, mine)
    await book.catch_up()
    assert (await book.shelved(shop.tenant)).shelf.pointers("support", channel)["production"].version == mine
