"""The prompt engineer's workshop in a real browser on the real application, with the network blocked."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from desk.embedded import Engines
from desk.settings import Settings
from evals.cases import read_cases
from server.issuer import load_issuer
from tests.conftest import MODELS
from tests.graphs.conversing import POINTS, POINTS_ANSWER
from tests.server.admin_page import page, shot
from tests.server.conftest import bearer
from tests.server.limits_told import limits_told
from tests.server.replicas import until
from tests.server.wire import ask
from tests.servers.openai_wire import Reply, SeenRequest, Wire, say

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)


def answer(request: SeenRequest) -> Reply:
    """What the model says depends on its prompt alone."""
    system = request.json["messages"][0]["content"]
    opening = ("Gladly! ",) if "some flattery" in system else ()
    return say(*opening, POINTS_ANSWER, usage=(321, 12))


@pytest.fixture(scope="module", autouse=True)
def _answering(wire: Wire) -> None:
    wire.answer_by(answer)


@pytest.fixture(scope="module")
async def second(settings: Settings, migrated: Engines, wire: Wire) -> AsyncIterator[str]:
    """Another process of the same installation, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": migrated.database_url,
        "REDIS_URL": str(migrated.redis_url),
        "OPENAI_BASE_URL": wire.base_url,
        "DESK_HOME": str(settings.home),
        "DESK_MODELS_DIR": str(MODELS),
        "DESK_IN_PROCESS_WORKER": "false",
        **limits_told(settings),
    }
    command = ("-m", "uvicorn", "--factory", "server.app:create_app", "--port", str(port))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--log-level", "critical", env=environment, stdout=DEVNULL, stderr=DEVNULL
    )
    address = f"http://127.0.0.1:{port}"

    async def ready() -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{address}/api/v1/readyz")).status_code == 200
        except httpx.HTTPError:
            return False

    try:
        await until(ready, 90)
        yield address
    finally:
        process.terminate()
        await process.wait()


async def test_a_recorded_conversation_is_forked_compared_and_becomes_a_case(
    page: Page, url: str, second: str, settings: Settings, customer: httpx.AsyncClient, tmp_path: Path
) -> None:
    first = await ask(customer, "I am ada.hidden@example.org, thanks")
    reply = await ask(customer, POINTS, conversation_id=first["conversation_id"])
    await page.goto(f"{url}/playground")
    await page.locator(f'[data-turn="{reply["turn_id"]}"]').click()
    await look_at_its_steps(page)
    await fork_and_compare(page)
    made = await save_as_case(page, tmp_path)
    assert [turn["say"] for turn in made["turns"]] == ["I am [EMAIL_1], thanks", POINTS]
    assert made["turns"][1]["expect"]["citations"] == ["loyalty-points"]
    await run_the_suite(page)
    headers = bearer(load_issuer(settings), "ada@example.com")
    async with httpx.AsyncClient(base_url=second, headers=headers, timeout=30) as elsewhere:
        await promote_and_roll_back(page, elsewhere)


async def look_at_its_steps(page: Page) -> None:
    await expect(page.locator("#turn-told")).to_have_text(POINTS_ANSWER)
    await expect(page.locator("#talk button")).to_have_count(2)
    await expect(page.locator("#graph .node.ended")).to_have_count(6)
    await shot(page, "turn")
    await page.locator("#steps button", has_text="retrieve_faqs").click()
    await expect(page.locator("#inspector .passages li").first).to_contain_text("loyalty-points")
    await page.locator('#graph [data-node="route_intent"]').click()
    await expect(page.locator("#inspector")).to_contain_text("because")
    await expect(page.locator("#inspector .nearest li")).to_have_count(3)
    await expect(page.locator("#inspector .against")).to_contain_text("less than discounts")
    await shot(page, "reasons")
    await shot(page, "route")
    await page.locator("#steps button", has_text="call_llm").click()
    await expect(page.locator("#inspector .sent.system pre")).to_contain_text("You are the support assistant")


async def fork_and_compare(page: Page) -> None:
    await expect(page.locator("#fork-node")).to_have_text("call_llm")
    await page.locator("#fork-prompt-name").click()
    prompt = page.locator("#fork-prompt")
    await prompt.fill((await prompt.input_value()).replace("no flattery", "some flattery"))
    await expect(page.locator("#fork-prompt-changes ins")).to_contain_text("some flattery")
    await page.locator("#fork-times").select_option("3")
    await page.get_by_role("button", name="Run in the sandbox").click()
    await expect(page.locator("#runs thead th")).to_have_count(4)
    await expect(page.get_by_role("button", name="Run in the sandbox")).to_be_visible()
    answers = page.locator('#runs [data-row="answer"] td')
    await expect(answers).to_have_text([POINTS_ANSWER, *[f"Gladly! {POINTS_ANSWER}"] * 3])
    await expect(page.locator('#runs [data-row="prompt"] td').last).to_have_text("support edited")
    await expect(page.locator('#runs [data-row="answer"] td.differs')).to_have_count(3)
    await expect(page.locator("#diff ins")).to_have_text("Gladly! ")
    await expect(page.locator("#diff")).to_contain_text("route stays model")
    await shot(page, "compare")


async def save_as_case(page: Page, folder: Path) -> Any:
    """The case as it was downloaded, with one fact that only the edited prompt gives."""
    await page.locator("#runs thead").get_by_role("button", name="Save as case").nth(1).click()
    await expect(page.locator("#case-text")).to_have_value(re.compile("loyalty-points"))
    made = json.loads(await page.locator("#case-text").input_value())
    made["turns"][-1]["expect"]["facts"] = ["Gladly"]
    await page.locator("#case-text").fill(json.dumps(made))
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download as JSONL").click()
    file = folder / "cases.jsonl"
    await (await download.value).save_as(file)
    assert json.loads(file.read_text(encoding="utf-8")) == made
    assert [case.id for case in read_cases(file)] == [made["id"]]
    return made


async def run_the_suite(page: Page) -> None:
    await page.get_by_role("button", name="Run the suite").click()
    await expect(page.locator("#suite-state")).to_have_text("1 of 1 cases passed.")
    await page.locator("#suite-tuned").uncheck()
    await page.get_by_role("button", name="Run the suite").click()
    await expect(page.locator("#suite-state")).to_have_text("0 of 1 cases passed.")
    await expect(page.locator("#suite-failures")).to_contain_text("facts")
    await shot(page, "suite")


async def promote_and_roll_back(page: Page, elsewhere: httpx.AsyncClient) -> None:
    """The label reaches another process within moments, for conversations that begin then."""

    async def says(answer: str) -> bool:
        return bool((await ask(elsewhere, POINTS))["reply"]["text"] == answer)

    assert await says(POINTS_ANSWER)
    await page.locator("#release-share").fill("100")
    await page.locator("#release-note").fill("friendlier")
    await page.get_by_role("button", name="Promote").click()
    await expect(page.locator("#release-state")).to_contain_text("canary stands on v")
    await expect(page.locator('#labels [data-label="canary"]')).to_contain_text("100 %")
    await shot(page, "release")
    await until(lambda: says(f"Gladly! {POINTS_ANSWER}"), 20)
    await page.get_by_role("button", name="Roll back").click()
    await expect(page.locator("#release-state")).to_have_text("canary stands nowhere any more.")
    await until(lambda: says(POINTS_ANSWER), 20)


async def test_a_message_is_watched_and_then_open_step_by_step(page: Page, url: str) -> None:
    await page.goto(f"{url}/playground")
    await page.get_by_role("button", name="Where is my order 100234?", exact=True).click()
    await expect(page.locator("#state")).to_have_text("done")
    await expect(page.locator("#turn-asked")).to_have_text("Where is my order 100234?")
    await expect(page.locator("#steps button").last).to_contain_text("lookup_order")
    await expect(page.get_by_role("link", name="LangServe")).to_have_attribute(
        "href", "/langserve/support/playground/"
    )
    await shot(page, "live")


async def test_a_canned_reply_is_changed_tried_out_and_published(
    page: Page, url: str, second: str, settings: Settings, customer: httpx.AsyncClient
) -> None:
    reply = await ask(customer, "hi")
    await page.goto(f"{url}/playground?turn={reply['turn_id']}")
    await page.locator("#steps button", has_text="route_intent").click()
    await page.locator("#fork-intents-name").click()
    await fill_in_the_form(page)
    await page.locator("#fork-times").select_option("1")
    await page.get_by_role("button", name="Run in the sandbox").click()
    answers = page.locator('#runs [data-row="answer"] td')
    # A router is trained on the text first.
    await expect(answers.last).to_have_text("Ahoy! How can I help you today?", timeout=45_000)
    await page.locator("#release-of").select_option("intents")
    await page.locator("#release-label").select_option("production")
    headers = bearer(load_issuer(settings), "ada@example.com")
    async with httpx.AsyncClient(base_url=second, headers=headers, timeout=30) as elsewhere:

        async def ahoy() -> bool:
            return bool((await ask(elsewhere, "hi"))["reply"]["text"].startswith("Ahoy!"))

        async def as_before() -> bool:
            return not await ahoy()

        assert await as_before()
        await page.get_by_role("button", name="Promote").click()
        await expect(page.locator("#release-state")).to_contain_text("production stands on v")
        await shot(page, "intents")
        await until(ahoy, 30)
        production = page.locator('#labels [data-label="production"]')
        await production.get_by_role("button", name="Roll back").click()
        await expect(page.locator("#release-state")).to_contain_text("production stands nowhere")
        await until(as_before, 30)


async def fill_in_the_form(page: Page) -> None:
    """A mistake is said beside its field and keeps the text from being run; mended, the YAML has it."""
    await expect(page.get_by_label("Intent", exact=True)).to_have_value("greeting")
    reply = page.get_by_label("Reply in English")
    await expect(reply).to_have_value(re.compile("^Hello and welcome"))
    examples = page.get_by_label("What customers write, one message a line")
    said = await examples.input_value()
    await examples.fill(f"{said}\nWhich cards do you take?")
    await reply.fill("Ahoy! How can I help you today?")
    await page.get_by_role("button", name="Run in the sandbox").click()
    await expect(page.locator("#intent-examples-wrong")).to_contain_text("among the examples of payment")
    await expect(page.locator("#fork-problem")).to_contain_text("mend what is marked")
    await expect(page.locator("#runs-card")).to_be_hidden()
    await shot(page, "intents-wrong")
    await examples.fill(said)
    await examples.blur()
    await expect(page.locator("#intent-state")).to_contain_text("In the text.")
    await expect(page.locator("#fork-intents-changes ins")).to_contain_text("en: Ahoy! How can I help")
    await page.get_by_role("button", name="YAML").click()
    await expect(page.locator("#fork-intents")).to_have_value(re.compile("en: Ahoy! How can I help"))
    await page.get_by_role("button", name="Form", exact=True).click()
    await shot(page, "intents-form")


async def test_an_intent_is_added_renamed_and_taken_out_by_the_form(
    page: Page, url: str, customer: httpx.AsyncClient
) -> None:
    reply = await ask(customer, "hi")
    await page.goto(f"{url}/playground?turn={reply['turn_id']}")
    await page.locator("#fork-intents-name").click()
    before = await page.locator("#fork-intents").input_value()
    await page.get_by_role("button", name="New intent").click()
    await page.get_by_label("Name", exact=True).fill("opening hours")
    await page.get_by_label("What customers write, one message a line").fill("when are you open?")
    await page.get_by_label("Reply in English").fill("Monday to Friday, 9 to 5.")
    await expect(page.locator("#intent-name-wrong")).to_contain_text("opening_hours")
    await page.get_by_label("Name", exact=True).fill("opening_hours")
    await page.get_by_label("Name", exact=True).blur()
    await expect(page.get_by_label("Intent", exact=True)).to_have_value("opening_hours")
    await expect(page.locator("#fork-intents")).to_have_value(re.compile("- name: opening_hours"))
    await expect(page.locator("#fork-intents-name")).to_have_class("changed")
    await page.get_by_role("button", name="Take it out").click()
    await expect(page.locator("#fork-intents")).to_have_value(before)
    await expect(page.locator("#fork-intents-name")).not_to_have_class("changed")
    await page.get_by_role("button", name="YAML").click()
    await page.locator("#fork-intents").fill("intents: [")
    await page.get_by_role("button", name="Form", exact=True).click()
    await expect(page.locator("#intent-state")).to_contain_text("not valid YAML")
    await expect(page.locator("#intent-fields")).to_be_hidden()


async def test_messages_that_belong_to_no_intent_are_edited_by_the_form(
    page: Page, url: str, customer: httpx.AsyncClient
) -> None:
    reply = await ask(customer, "hi")
    await page.goto(f"{url}/playground?turn={reply['turn_id']}")
    await page.locator("#fork-intents-name").click()
    await expect(page.get_by_label("Intent", exact=True)).to_have_value("greeting")
    before = await page.locator("#fork-intents").input_value()
    await page.get_by_label("Intent", exact=True).select_option("messages that belong to none")
    none = page.get_by_label("Messages that belong to no intent, one a line")
    await expect(none).to_have_value(re.compile("will it rain in London"))
    await expect(page.get_by_label("Reply in English")).to_be_hidden()
    await expect(page.get_by_role("button", name="Take it out")).to_be_hidden()
    said = await none.input_value()
    await none.fill(f"{said}\nWhich cards do you take?")
    await none.blur()
    await expect(page.locator("#intent-out_of_scope-wrong")).to_contain_text("among the examples of payment")
    await expect(page.locator("#fork-intents")).to_have_value(before)
    await shot(page, "none-wrong")
    await none.fill(f"{said}\nis my horoscope good?")
    await none.blur()
    await expect(page.locator("#intent-state")).to_contain_text("In the text.")
    await expect(page.locator("#fork-intents")).to_have_value(f"{before}  - is my horoscope good?\n")
    await shot(page, "none")
    await page.get_by_label("Intent", exact=True).select_option("greeting (canned)")
    await expect(page.get_by_label("Reply in English")).to_have_value(re.compile("^Hello and welcome"))
    await expect(none).to_be_hidden()


async def test_it_fits_a_phone(page: Page, url: str, customer: httpx.AsyncClient) -> None:
    reply = await ask(customer, POINTS)
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{url}/playground?turn={reply['turn_id']}")
    await page.locator("#steps button", has_text="call_llm").click()
    await page.get_by_role("button", name="Run in the sandbox").click()
    await expect(page.locator("#runs thead th")).to_have_count(4)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await shot(page, "phone")


async def test_a_customer_is_told_whom_it_is_for(browser: Browser, url: str, settings: Settings) -> None:
    profile = await browser.new_context()
    tab = await profile.new_page()
    code = load_issuer(settings).sign(
        tenant="bookshop", email="ada@example.com", role="user", seconds=60, typ="login+jwt"
    )
    await tab.goto(f"{url}/login?code={code}")
    await tab.goto(f"{url}/playground")
    await expect(tab.locator("#recorded-note")).to_contain_text("for admins")
    await expect(tab.locator("#graph")).to_have_text("The graph is shown to admins of the shop.")
    await tab.goto(f"{url}/console")
    await expect(tab.locator("#live")).to_have_class("off")
    await expect(tab.locator("#me")).to_have_text("This page is for agents and admins.")
    await expect(tab.locator("#empty")).to_be_hidden()
    await profile.close()


async def test_whoever_is_not_signed_in_is_shown_the_way(browser: Browser, url: str) -> None:
    profile = await browser.new_context()
    tab = await profile.new_page()
    for name in ("playground", "review", "console"):
        await tab.goto(f"{url}/{name}")
        way = tab.get_by_role("link", name="Sign in").first
        await expect(way).to_have_attribute("href", f"/signin?page=/{name}")
    await way.click()
    await expect(tab.get_by_label("E-mail address")).to_be_visible()
    await profile.close()


async def test_an_edited_prompt_goes_along_to_the_next_turn(page: Page, url: str) -> None:
    await page.goto(f"{url}/playground")
    prompt = page.locator("#fork-prompt")
    for text in ("hi", "asdkjh qwe"):
        await page.get_by_role("button", name=text, exact=True).click()
        await expect(page.locator("#turn-asked")).to_have_text(text)
        current = page.locator("#recorded-list button[aria-current=true]")
        await expect(current).to_contain_text(text)
        await expect(page.locator("#steps button[aria-current=true]")).to_have_count(1)
        if text == "hi":
            await page.locator("#fork-prompt-name").click()
            as_it_was = await prompt.input_value()
            await prompt.fill(f"{as_it_was}\nBe brief.")
    await expect(prompt).to_have_value(re.compile("Be brief"))
    await expect(page.locator("#fork-prompt-changes ins")).to_have_text("Be brief.")
    await page.get_by_role("button", name="Undo changes").click()
    await expect(prompt).to_have_value(as_it_was)
