"""The agents' console and the customer's widget in two real browsers, on the real application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Dialog, Locator, Page, expect

from desk.storage import tenants
from desk.storage.pool import Database
from server.issuer import Issuer

pytestmark = pytest.mark.browser

TENANT = "console-shop"


@asynccontextmanager
async def tab_of(
    browser: Browser, base_url: str, issuer: Issuer, email: str, role: str
) -> AsyncIterator[Page]:
    """A tab signed in by the login link; an error on its page fails the test."""
    profile = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    tab = await profile.new_page()
    tab.set_default_timeout(8000)
    broken: list[str] = []
    tab.on("pageerror", lambda error: broken.append(str(error)))
    tab.on(
        "console", lambda message: broken.append(message.text) if "Content Security" in message.text else None
    )
    code = issuer.sign(tenant=TENANT, email=email, role=role, seconds=60, typ="login+jwt")  # type: ignore[arg-type]
    await tab.goto(f"{base_url}/login?code={code}")
    yield tab
    await profile.close()
    assert broken == []


@pytest.fixture
async def shop(database: Database) -> None:
    async with database.control_tx() as tx:
        await tenants.create(tx, TENANT, "A shop with a console")


@pytest.fixture
async def ada(shop: None, browser: Browser, base_url: str, issuer: Issuer) -> AsyncIterator[Page]:
    async with tab_of(browser, base_url, issuer, "ada@example.com", "user") as tab:
        await tab.locator(".launcher").click()
        yield tab


@pytest.fixture
async def anne(shop: None, browser: Browser, base_url: str, issuer: Issuer) -> AsyncIterator[Page]:
    async with tab_of(browser, base_url, issuer, "anne@desk.example", "agent") as tab:
        await tab.goto(f"{base_url}/console")
        await expect(tab.locator("#live")).to_have_text("live")
        yield tab


# What the browser is asked for: tones that begin, notifications that are shown while nobody looks.
_WATCHED = """
  window.sounds = 0;
  window.notes = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    if (this.context.state === "running") window.sounds += 1;
    return start.apply(this, when);
  };
  const Shown = window.Notification;
  window.Notification = class extends Shown {
    constructor(title, options) {
      super(title, options);
      window.notes.push([options.body, options.tag]);
    }
  };
  document.hasFocus = () => false;
"""


@pytest.fixture
async def listener(anne: Page, base_url: str) -> Page:
    """Anne's console, which may notify her, while she looks at something else."""
    await anne.context.grant_permissions(["notifications"], origin=base_url)
    await anne.add_init_script(_WATCHED)
    await anne.reload()
    await expect(anne.locator("#live")).to_have_text("live")
    return anne


async def hear(page: Page, tones: int) -> None:
    """Wait until so many tones have begun (the page's policy forbids Playwright's own way of waiting)."""
    async with asyncio.timeout(10):
        while await page.evaluate("sounds") < tones:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await page.evaluate("sounds") == tones


async def say(page: Page, text: str) -> None:
    await page.locator("textarea").fill(text)
    await page.locator("textarea").press("Enter")


async def test_a_customer_and_an_agent_talk(ada: Page, anne: Page) -> None:
    await expect(anne.locator("#me")).to_have_text(f"anne@desk.example, agent of {TENANT}")
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    waiting = anne.locator("#queue button").first
    await expect(waiting).to_contain_text("asked for a person")
    await expect(waiting).to_contain_text("waits 0:")
    await expect(anne).to_have_title("(1) Deskgraph console")

    await anne.keyboard.press("ArrowDown")
    await expect(waiting).to_be_focused()
    await anne.keyboard.press("Enter")
    await expect(anne.locator("#talk-title")).to_have_text("Waiting")
    await expect(anne.locator("#facts")).to_contain_text("English")
    await expect(anne.locator(".message.user .text")).to_have_text("Talk to a person")
    await expect(anne.locator("#form")).to_be_hidden()
    await anne.keyboard.press("c")
    await expect(anne.locator("#talk-title")).to_have_text("With me")
    await expect(anne.locator("#text")).to_be_focused()
    await expect(ada.locator("header p")).to_have_text("A colleague has joined the conversation.")

    await say(anne, "Hello Ada, how can I help?")
    await expect(ada.locator(".log .agent .bubble")).to_have_text("Hello Ada, how can I help?")
    await expect(anne.locator(".message.agent .text")).to_have_text("Hello Ada, how can I help?")
    await say(ada, "My parcel <b>is wet</b>")
    await expect(anne.locator(".message.user .text").last).to_have_text("My parcel <b>is wet</b>")
    await expect(ada.locator(".notice.receipt")).to_contain_text("with my colleague")

    await anne.get_by_role("button", name="Return to assistant").click()
    await expect(anne.locator("#talk-title")).to_have_text("Back with the assistant")
    await expect(anne.locator("#empty")).to_be_visible()
    await expect(anne).to_have_title("Deskgraph console")
    await expect(ada.locator(".log .assistant .bubble").last).to_contain_text("I am here again")
    await expect(ada.locator("header p")).to_have_text("Automated assistant")


async def test_who_is_too_late_is_told(
    ada: Page, anne: Page, browser: Browser, base_url: str, issuer: Issuer
) -> None:
    async with tab_of(browser, base_url, issuer, "ben@desk.example", "agent") as ben:
        await ben.goto(f"{base_url}/console")
        await ada.get_by_role("button", name="Talk to a person", exact=True).click()
        await anne.locator("#queue button").first.click()
        await ben.locator("#queue button").first.click()
        await asyncio.gather(anne.locator("#claim").click(), ben.locator("#claim").click())
        await expect(anne.locator("#claim")).to_be_hidden()
        await expect(ben.locator("#claim")).to_be_hidden()
        ours = await anne.locator("#talk-title").inner_text() == "With me"
        winner, loser, other = (anne, ben, "ben") if ours else (ben, anne, "anne")
        await expect(loser.locator("#problem")).to_contain_text("A colleague was quicker")
        await expect(loser.locator("#form")).to_be_hidden()
        await winner.locator("#transfer").select_option(f"{other}@desk.example")
        await expect(winner.locator("#talk-title")).to_have_text("With me")  # a choice alone is no act
        await winner.get_by_role("button", name="Transfer").click()
        await expect(winner.locator("#talk-title")).to_have_text(f"With {other}@desk.example")
        await expect(winner.locator("#talk-title")).to_be_focused()
        await expect(winner.locator("#form")).to_be_hidden()
        await expect(loser.locator("#queue h3").first).to_have_text("With me (1)")
        await loser.locator("#queue button").first.click()
        await loser.get_by_role("button", name="Close").click()
        await expect(loser.locator("#talk-title")).to_have_text("Closed")
        await expect(loser.locator("#talk-title")).to_be_focused()


async def test_who_begins_to_wait_is_heard_seen_and_read_out(ada: Page, listener: Page) -> None:
    tab = listener
    await expect(tab.locator("#sound-hint")).to_be_visible()
    assert await tab.evaluate("sounds") == 0
    await tab.locator("h1").click()
    await expect(tab.locator("#sound-hint")).to_be_hidden()
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    await hear(tab, 2)
    await expect(tab.locator("#alarm")).to_have_text("Somebody waits for a person.")
    await expect(tab.locator("#alarm")).to_have_attribute("role", "status")
    await expect(tab.locator("#waiting")).to_have_text("1 waiting")
    await expect(tab.locator("#waiting")).to_have_attribute("role", "status")
    await expect(tab).to_have_title("(1) Deskgraph console")
    assert await tab.evaluate("notes") == [["Somebody waits for a person.", "deskgraph-console"]]

    await tab.locator("#queue button").first.click()
    await tab.locator("#claim").click()
    await expect(tab.locator("#talk-title")).to_have_text("With me")
    await tab.wait_for_timeout(1100)  # sounds that come at once are one
    await say(ada, "It is about order 100234")
    await hear(tab, 4)
    await expect(tab.locator("#alarm")).to_have_text("There is a new message for you.")
    assert "100234" not in str(await tab.evaluate("notes"))
    await tab.get_by_role("button", name="Close").click()
    await expect(tab.locator("#waiting")).to_have_text("")
    await expect(tab).to_have_title("Deskgraph console")


async def test_a_muted_console_stays_muted_and_silent(ada: Page, listener: Page, base_url: str) -> None:
    tab = listener
    sound = tab.get_by_role("button", name="Sound")
    await expect(sound).to_have_attribute("aria-pressed", "true")
    await sound.click()
    await expect(sound).to_have_attribute("aria-pressed", "false")
    await expect(tab.locator("#sound-hint")).to_be_hidden()
    await tab.reload()
    await expect(tab.locator("#live")).to_have_text("live")
    await expect(sound).to_have_attribute("aria-pressed", "false")
    await tab.locator("h1").click()
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    await expect(tab.locator("#alarm")).to_have_text("Somebody waits for a person.")
    assert await tab.evaluate("sounds") == 0
    await sound.click()
    await hear(tab, 2)
    await expect(sound).to_have_attribute("aria-pressed", "true")
    await tab.locator("#queue button").first.click()
    await tab.locator("#claim").click()
    await tab.get_by_role("button", name="Close").click()


async def test_notifications_are_asked_for_once_and_only_by_a_click(anne: Page) -> None:
    # A browser without a window has nobody to ask: this one says yes.
    await anne.add_init_script(
        """
        window.asked = 0;
        window.Notification = class {
          static permission = "default";
          static async requestPermission() {
            window.asked += 1;
            this.permission = "granted";
          }
        };
        """
    )
    await anne.reload()
    await expect(anne.locator("#live")).to_have_text("live")
    await anne.locator("h1").click()
    assert await anne.evaluate("asked") == 0
    await anne.get_by_role("button", name="Notify me").click()
    await expect(anne.locator("#notify")).to_be_hidden()
    assert await anne.evaluate("asked") == 1


async def test_a_mails_link_opens_its_conversation(ada: Page, anne: Page, base_url: str) -> None:
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    waiting = anne.locator("#queue button").first
    handoff = await waiting.get_attribute("data-id")
    await anne.goto("about:blank")
    await anne.goto(f"{base_url}/console#{handoff}")
    await expect(anne.locator("#talk-title")).to_have_text("Waiting")
    await expect(anne.locator(".message.user .text")).to_have_text("Talk to a person")
    await expect(anne.locator("#live")).to_have_text("live")
    await anne.locator("#claim").click()
    await anne.get_by_role("button", name="Close").click()
    await expect(anne.locator("#talk-title")).to_have_text("Closed")
    await anne.goto("about:blank")
    await anne.goto(f"{base_url}/console#00000000-0000-7000-8000-000000000000")
    await expect(anne.locator("#problem")).to_be_visible()
    await expect(anne.locator("#live")).to_have_text("live")


@asynccontextmanager
async def two_conversations(
    ada: Page, anne: Page, browser: Browser, base_url: str, issuer: Issuer
) -> AsyncIterator[tuple[Page, Locator]]:
    """Ada's and Bob's conversations, both with Anne, who has Bob's open; gives Bob's tab and Ada's row."""
    async with tab_of(browser, base_url, issuer, "bob@example.com", "user") as bob:
        await bob.locator(".launcher").click()
        for tab in (ada, bob):
            await tab.get_by_role("button", name="Talk to a person", exact=True).click()
            await (
                anne.get_by_role("heading", name="Waiting (1)")
                .locator("xpath=..")
                .get_by_role("button")
                .click()
            )
            await anne.locator("#claim").click()
            await expect(anne.locator("#talk-title")).to_have_text("With me")
        yield bob, anne.locator("#queue button:not([aria-current])")
        for _ in range(2):
            await anne.locator("#queue button").first.click()
            await anne.get_by_role("button", name="Close").click()
            await expect(anne.locator("#talk-title")).to_have_text("Closed")


async def test_what_is_written_and_not_sent_waits_in_its_conversation(
    ada: Page, anne: Page, browser: Browser, base_url: str, issuer: Issuer
) -> None:
    async with two_conversations(ada, anne, browser, base_url, issuer) as (_, other):
        await anne.locator("#text").fill("Half a reply to Bob")
        await other.click()
        await expect(anne.locator("#text")).to_have_value("")
        await anne.locator("#text").fill("Half a reply to Ada")
        await other.click()
        await expect(anne.locator("#text")).to_have_value("Half a reply to Bob")
        await other.click()
        await expect(anne.locator("#text")).to_have_value("Half a reply to Ada")
        asked: list[str] = []

        async def leave(dialog: Dialog) -> None:
            asked.append(dialog.type)
            await dialog.accept()

        anne.on("dialog", leave)
        await anne.reload()
        assert asked == ["beforeunload"]


async def test_whoever_writes_to_an_agent_is_heard_whichever_conversation_is_open(
    ada: Page, listener: Page, browser: Browser, base_url: str, issuer: Issuer
) -> None:
    async with two_conversations(ada, listener, browser, base_url, issuer):
        await say(ada, "Are you still there?")
        await expect(listener.locator("#alarm")).to_have_text("There is a new message for you.")


async def test_a_reload_finds_the_open_conversation_again(ada: Page, anne: Page) -> None:
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    await anne.locator("#queue button").first.click()
    await anne.locator("#claim").click()
    await expect(anne.locator("#talk-title")).to_have_text("With me")
    await anne.reload()
    await expect(anne.locator("#talk-title")).to_have_text("With me")
    await expect(anne.locator(".message.user .text")).to_have_text("Talk to a person")
    await anne.get_by_role("button", name="Close").click()
    await expect(anne.locator("#talk-title")).to_have_text("Closed")


async def test_a_refused_reply_stays_written_and_says_why(ada: Page, anne: Page, base_url: str) -> None:
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    await anne.locator("#queue button").first.click()
    await anne.locator("#claim").click()
    await anne.locator("#text").fill("Hello")
    refused = {"status": 429, "detail": "You have sent too many requests; try again in 5 s."}
    await anne.route("**/reply", lambda route: route.fulfill(status=429, json=refused))
    await anne.get_by_role("button", name="Send").click()
    await expect(anne.locator("#problem")).to_have_text(refused["detail"])  # type: ignore[arg-type]
    await say(ada, "Hello?")
    await expect(anne.locator(".message.user .text").last).to_have_text("Hello?")
    await expect(anne.locator("#problem")).to_be_visible()
    await expect(anne.locator("#text")).to_have_value("Hello")
    await anne.unroute("**/reply")
    await anne.get_by_role("button", name="Send").click()
    await expect(anne.locator("#problem")).to_be_hidden()
    await expect(anne.locator("#text")).to_have_value("")
    await anne.get_by_role("button", name="Close").click()
    await expect(anne.locator("#talk-title")).to_have_text("Closed")


async def test_a_queue_that_cannot_be_read_says_so_and_comes_back(ada: Page, anne: Page) -> None:
    refused = {"status": 429, "detail": "You have sent too many requests; try again in 1 s."}
    answer = {"status": 429, "json": refused, "headers": {"Retry-After": "1"}}
    await anne.route("**/handoffs?limit=200", lambda route: route.fulfill(**answer), times=1)
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    await expect(anne.locator("#live")).to_have_text(refused["detail"])  # type: ignore[arg-type]
    await expect(anne.locator("#live")).to_have_text("live")
    await anne.locator("#queue button").first.click()
    await anne.locator("#claim").click()
    await anne.get_by_role("button", name="Close").click()
    await expect(anne.locator("#talk-title")).to_have_text("Closed")


async def test_single_letters_can_be_turned_off(ada: Page, anne: Page) -> None:
    await ada.get_by_role("button", name="Talk to a person", exact=True).click()
    await anne.locator("#queue button").first.click()
    letters = anne.get_by_role("button", name="Letters")
    await letters.click()
    await expect(letters).to_have_attribute("aria-pressed", "false")
    await anne.reload()
    await expect(anne.locator("#talk-title")).to_have_text("Waiting")
    await anne.keyboard.press("c")
    await letters.click()
    await expect(anne.locator("#talk-title")).to_have_text("Waiting")
    await anne.keyboard.press("c")
    await expect(anne.locator("#talk-title")).to_have_text("With me")
    await anne.get_by_role("button", name="Close").click()
    await expect(anne.locator("#talk-title")).to_have_text("Closed")


async def test_a_customer_sees_no_queue(ada: Page, base_url: str) -> None:
    await ada.goto(f"{base_url}/console")
    await expect(ada.locator("#me")).to_have_text("This page is for agents and admins.")
    await expect(ada.get_by_role("link", name="Sign in as somebody else")).to_be_visible()
    await expect(ada.locator("main")).to_be_hidden()
    await expect(ada.locator("#sound")).to_be_hidden()


async def test_the_console_fits_a_phone(anne: Page) -> None:
    await anne.set_viewport_size({"width": 320, "height": 600})
    assert await anne.evaluate("document.documentElement.scrollWidth") == 320
