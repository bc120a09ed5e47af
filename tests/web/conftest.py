"""One Chromium and one local server for the room; an error or a CSP violation on a page fails its test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.web.wire import Wire, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Wire]:
    with serving() as wire:
        yield wire


@pytest.fixture
def wire(server: Wire) -> Wire:
    server.reset()
    return server


@pytest.fixture(scope="session")
async def context(browser: Browser, server: Wire) -> BrowserContext:
    """A signed-in browser profile with the CSRF cookie of the login link; no motion, so no waiting for it."""
    profile = await browser.new_context(
        locale="en-GB", viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    await profile.add_cookies([{"name": "desk_csrf", "value": "csrf-1", "url": server.url}])
    return profile


@pytest.fixture
async def page(context: BrowserContext, wire: Wire) -> AsyncIterator[Page]:
    """A fresh tab, and so a fresh sessionStorage."""
    tab = await context.new_page()
    tab.set_default_timeout(5000)
    broken: list[str] = []
    tab.on("pageerror", lambda error: broken.append(str(error)))
    tab.on("console", lambda message: broken.extend(_complaint(message)))
    yield tab
    wire.go.set()
    await tab.close()
    assert broken == []


def _complaint(message: ConsoleMessage) -> list[str]:
    expected = "Failed to load resource" in message.text  # a refused turn, which the test asked for
    return [message.text] if message.type in {"error", "warning"} and not expected else []
