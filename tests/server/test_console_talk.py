"""A conversation that goes on in the console: where the agent reads, when it was said, and what they send."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.server.admin_page import slowly
from tests.server.test_console import ada, anne, say, shop

__all__ = ["ada", "anne", "shop"]

pytestmark = pytest.mark.browser

TIME = re.compile(r"^\d\d:\d\d$")
DAY_AND_TIME = re.compile(r"^\d{1,2} \w+ \d{4}, \d\d:\d\d$")
# Two days later, to whom it asks what time it is.
LATER = """
  window.Date = class extends Date {
    constructor(...given) {
      super(...(given.length ? given : [Date.now() + 2 * 86_400_000]));
    }
  };
"""


async def take(ada: Page, anne: Page) -> None:
    """Ada asks for a person, and Anne takes her conversation."""
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    await anne.locator("#queue button").first.click()
    await anne.locator("#claim").click()
    await expect(anne.locator("#talk-title")).to_have_text("With me")


async def close(anne: Page) -> None:
    await anne.get_by_role("button", name="Close").click()
    await expect(anne.locator("#talk-title")).to_have_text("Closed")


async def test_who_reads_further_up_is_left_there_and_who_reads_the_end_follows(
    ada: Page, anne: Page
) -> None:
    await take(ada, anne)
    log, last = anne.locator("#log"), anne.locator(".message.user .text").last
    await say(ada, "\n".join(f"Line {number}" for number in range(80)))
    await expect(last).to_contain_text("Line 79")
    assert await log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 2
    await log.evaluate("log => (log.scrollTop = 0)")
    await say(ada, "One more thing")
    await expect(last).to_have_text("One more thing")
    assert await log.evaluate("log => log.scrollTop") == 0
    await log.evaluate("log => (log.scrollTop = log.scrollHeight)")
    await say(ada, "And another")
    await expect(last).to_have_text("And another")
    await expect(last).to_be_in_viewport()
    await close(anne)


async def test_who_claims_still_sees_what_was_said_last(ada: Page, anne: Page) -> None:
    await anne.set_viewport_size({"width": 1000, "height": 560})
    await say(ada, "\n".join(f"Line {number}" for number in range(40)))
    await take(ada, anne)
    assert await anne.locator("#log").evaluate("log => log.scrollHeight > log.clientHeight")
    await expect(anne.locator(".message").last).to_be_in_viewport(ratio=1)
    await close(anne)


async def test_a_message_of_another_day_says_its_day(ada: Page, anne: Page) -> None:
    await take(ada, anne)
    when = anne.locator(".message.user time")
    await expect(when).to_have_text(TIME)
    await anne.add_init_script(LATER)
    await anne.reload()
    await expect(when).to_have_text(DAY_AND_TIME)
    await close(anne)


async def test_a_reply_on_its_way_is_not_sent_again(ada: Page, anne: Page) -> None:
    await take(ada, anne)
    sent: list[str | None] = []

    async def slowly(route: Route) -> None:
        sent.append(route.request.post_data)
        await asyncio.sleep(0.5)
        await route.continue_()

    await anne.route("**/reply", slowly)
    await anne.locator("#text").fill("Hello Ada")
    await anne.locator("#text").press("Enter")
    await anne.locator("#text").press("Enter")
    await expect(ada.locator(".log .agent .bubble")).to_have_text(["Hello Ada"])
    await expect(anne.locator("#text")).to_have_value("")
    assert len(sent) == 1
    await close(anne)


async def test_an_act_is_heard_while_the_queue_is_still_read_again(ada: Page, anne: Page) -> None:
    read_again = await slowly(anne, "**/handoffs?limit=200", "GET")
    await take(ada, anne)
    await anne.get_by_role("button", name="Close").click()
    await expect(anne.locator("#talk-title")).to_have_text("Closed", timeout=2_000)
    assert read_again
