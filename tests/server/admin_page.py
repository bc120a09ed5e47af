"""An admin's tab in a real browser on the real application, with the network blocked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route

from desk.settings import Settings
from server.issuer import load_issuer
from tests.server.replicas import until

# Where pictures of the pages go, for whoever wants to look at them.
SHOTS = os.environ.get("SHOTS")
SLOW_SECONDS = 0.5
PHONE_WIDTH = 390
# What makes a page wider than it should be: the elements that reach beyond, with the beginning of their text.
_TOO_WIDE = """(width) => document.documentElement.scrollWidth === width ? [] :
    [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > width)
        .map((one) => `${one.tagName}#${one.id} ${one.textContent.trim().slice(0, 60)}`).slice(-5)"""


@pytest.fixture
async def page(browser: Browser, url: str, settings: Settings) -> AsyncIterator[Page]:
    """An admin's tab that reaches this application and nothing else; an error on its page fails the test."""
    profile = await browser.new_context(
        locale="en-GB", viewport={"width": 1440, "height": 1000}, reduced_motion="reduce"
    )
    tab = await profile.new_page()
    tab.set_default_timeout(30_000)
    wrong: list[str] = []

    async def only_ours(route: Route) -> None:
        if route.request.url.startswith(url):
            await route.continue_()
        else:
            wrong.append(route.request.url)
            await route.abort()

    await profile.route("**/*", only_ours)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on(
        "console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None
    )
    code = load_issuer(settings).sign(
        tenant="bookshop", email="boss@desk.example", role="admin", seconds=60, typ="login+jwt"
    )
    await tab.goto(f"{url}/login?code={code}")
    yield tab
    await profile.close()
    assert wrong == []


async def shot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


async def slowly(page: Page, pattern: str, method: str = "POST") -> list[str]:
    """The requests of that kind from now on, each let through so late that a second press comes before."""
    seen: list[str] = []

    async def wait(route: Route) -> None:
        if route.request.method == method:
            seen.append(route.request.url)
            await asyncio.sleep(SLOW_SECONDS)
        await route.fallback()

    await page.route(pattern, wait)
    return seen


async def fits_a_phone(page: Page) -> None:
    """Nothing is wider than a phone, once all of the page is drawn.

    Asked again and again from here: a page that allows no script but its own lets none wait in it.
    """

    async def fits() -> bool:
        return not await page.evaluate(_TOO_WIDE, PHONE_WIDTH)

    try:
        await until(fits, 5)
    except AssertionError:
        pytest.fail(f"Wider than a phone: {await page.evaluate(_TOO_WIDE, PHONE_WIDTH)}")
