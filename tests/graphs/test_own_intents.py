"""A tenant's own intents: published like a prompt, trained before anybody has them, kept by conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from desk.domain import Principal, TenantSettings, TurnId
from desk.errors import InvalidInput
from desk.storage import prompt_bundles, tenants
from graphs.prompting.book import PromptBook
from graphs.replays.recorded import open_turn, prompt_told
from graphs.replays.sandbox import Fork, run_fork
from graphs.services import Services
from prompts.choice import PromptChoice
from prompts.intents import read_intents
from prompts.loader import Prompt
from prompts.own_intents import INTENTS, LONGEST
from server.prompting import Move, add_version, check_draft, list_versions, promote, roll_back
from tests.graphs.conversing import Customer

FILE = read_intents("bookshop")
HELLO = "Hello and welcome to the bookshop! How can I help you today?"
WITH_CATS = FILE.replace(
    "\nout_of_scope:\n",
    """
  - name: shop_cat
    route: canned
    reply: {en: "Our cat is called Ishmael."}
    examples:
      - do you have a cat
      - what is your cat called
      - can I pet the shop cat
      - is the cat there today
      - tell me about the cat
      - who is the cat in the photo
      - I love your cat
      - how old is the cat
out_of_scope:
""",
)
SAYING = '\n    reply: {en: "Our'
WITH_A_WRONG_TOOL = WITH_CATS.replace("canned" + SAYING, "action\n    tool: rm" + SAYING)
MANY_EXAMPLES = "\n".join(
    [
        "intents: [{name: many, route: faq, examples: [",
        *(f"a{at}," for at in range(2_000)),
        "]}]",
        "out_of_scope: [b]",
    ]
)


def saying(hello: str) -> str:
    return FILE.replace(HELLO, hello)


@pytest.fixture
async def shop(bookshop: Services) -> Customer:
    """A customer of a shop of its own, whose labels nobody else moves."""
    async with bookshop.engine.database.control_tx() as tx:
        settings = TenantSettings(intent_pack="bookshop")
        tenant = await tenants.create(tx, f"shop-{uuid4().hex[:12]}", "A shop", settings)
    return await Customer.of(bookshop, "ada@example.com", tenant.slug)


def admin(shop: Customer) -> Principal:
    return Principal(shop.tenant.id, "admin")


async def publish(shop: Customer, text: str) -> int:
    """Write a version, put production there, and wait until this process has it."""
    async with shop.services.engine.database.tenant_tx(admin(shop)) as tx:
        version = await add_version(tx, admin(shop), INTENTS, text, "")
        await promote(tx, admin(shop), Move(INTENTS, "production", version))
    await settled(shop)
    return version


async def settled(shop: Customer) -> None:
    await shop.services.book.catch_up()
    await asyncio.gather(*shop.services.book.preparing)


async def said(shop: Customer, message: str, *, afresh: bool = True) -> str:
    if afresh:
        shop.conversation = None
    return (await shop.say(message)).text


async def test_published_replies_are_said_and_conversations_stay_with_theirs(shop: Customer) -> None:
    assert await said(shop, "hi") == HELLO
    await publish(shop, saying("Ahoy!"))
    assert await said(shop, "hi") == "Ahoy!"
    begun = shop.conversation
    await publish(shop, saying("Good day."))
    assert await said(shop, "hi") == "Good day."
    shop.conversation = begun
    assert await said(shop, "hi", afresh=False) == "Ahoy!"
    for expected in ("Ahoy!", HELLO):
        async with shop.services.engine.database.tenant_tx(admin(shop)) as tx:
            await roll_back(tx, admin(shop), INTENTS, "production", "", "")
        await settled(shop)
        assert await said(shop, "hi") == expected


async def test_a_recorded_turn_is_gone_on_from_with_the_intents_that_it_had(shop: Customer) -> None:
    first = await publish(shop, saying("Ahoy!"))
    turn_id = TurnId(UUID((await shop.say("hi")).reply["turn_id"]))
    await publish(shop, saying("Good day."))
    recorded = await open_turn(shop.services, admin(shop), shop.tenant, turn_id)
    shelf = (await shop.services.book.shelved(shop.tenant)).shelf
    told = prompt_told(recorded, shelf, INTENTS)
    assert told is not None
    assert told.version == first
    run = await run_fork(shop.services, recorded, Fork(0, prompts=PromptChoice().with_prompt(told)))
    assert run.reply["reply"]["text"] == "Ahoy!"
    assert prompt_told(recorded, shelf, "support") is None, "no model was asked"


async def test_a_new_intent_is_understood_and_the_bundle_names_its_text(shop: Customer) -> None:
    asked = "what is the cat's name?"
    before = await shop.say(asked)
    assert before.reply["reply"]["intent"] != "shop_cat"
    version = await publish(shop, WITH_CATS)
    assert await said(shop, asked) == "Our cat is called Ishmael."
    after = (await shop.say(asked)).reply
    assert after["bundle"] != before.reply["bundle"]
    async with shop.services.engine.database.tenant_tx(admin(shop)) as tx:
        made_of = await prompt_bundles.get(tx, shop.tenant.id, after["bundle"])
    assert made_of is not None
    assert made_of["prompts"][INTENTS]["version"] == version
    assert made_of["prompts"][INTENTS]["sha"] == made_of["router"]["intents_sha"]


async def test_nobody_waits_for_the_training(shop: Customer) -> None:
    trained: list[Prompt] = []
    may_go_on = asyncio.Event()

    async def slowly(prompts: Sequence[Prompt]) -> None:
        trained.extend(prompts)
        if prompts:
            await may_go_on.wait()

    book = PromptBook(shop.services.engine.database, slowly)
    before = (await book.shelved(shop.tenant)).shelf
    version = await publish(shop, saying("Ahoy!"))
    await book.catch_up()
    await book.catch_up()
    assert (await book.shelved(shop.tenant)).shelf is before
    preparing = list(book.preparing)
    may_go_on.set()
    await asyncio.gather(*preparing)
    shelf = (await book.shelved(shop.tenant)).shelf
    assert [prompt.version for prompt in shelf.labelled(INTENTS)] == [version]
    assert [prompt.version for prompt in trained] == [version]
    await book.aclose()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("intents: [", "not valid YAML"),
        (FILE.replace("    route: canned", "    route: cannon", 1), "greeting: unknown route 'cannon'"),
        (FILE.replace("      - hello\n", "      - hi\n", 1), "example 'hi' stands there twice"),
        (f"common: &texts [a, b]\nother: *texts\n{FILE}", "may not refer to other entries"),
        (MANY_EXAMPLES, "at most 2000 examples"),
        # A few thousand levels more and the parser would end the process that serves all tenants.
        (f"deep: {'[' * 100}{']' * 100}\n{FILE}", "at most 20 levels"),
        (f"day: 2001-02-30\n{FILE}", "timestamp expected"),
        (f"number: {'9' * 5000}\n{FILE}", "int expected"),
        (f"flag: !!bool x\n{FILE}", "bool expected"),
        (FILE + "# " + LONGEST * "x", "at most 120000 characters"),
        (WITH_A_WRONG_TOOL, "shop_cat names 'rm'; the tools are create_ticket, start_return"),
    ],
)
async def test_a_text_that_cannot_be_intents_is_refused_with_the_reason(
    shop: Customer, text: str, why: str
) -> None:
    async with shop.services.engine.database.tenant_tx(admin(shop)) as tx:
        with pytest.raises(InvalidInput) as refused:
            await check_draft(tx, admin(shop), INTENTS, text)
    assert why in refused.value.detail


async def test_a_tenant_begins_with_the_file_that_its_settings_name(shop: Customer) -> None:
    async with shop.services.engine.database.tenant_tx(admin(shop)) as tx:
        listed: Any = [one for one in await list_versions(tx, admin(shop)) if one.prompt.name == INTENTS]
    assert [(one.prompt.version, one.origin, one.source) for one in listed] == [(1, "file", FILE)]
