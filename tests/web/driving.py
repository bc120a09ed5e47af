"""What a customer does in the widget."""

from __future__ import annotations

from playwright.async_api import Page

from tests.web.wire import Wire


async def open_chat(page: Page, wire: Wire) -> None:
    """Opens the demo page and its chat."""
    await page.goto(f"{wire.url}/demo")
    await page.locator(".launcher").click()


async def say(page: Page, text: str) -> None:
    """Types a message and sends it with Enter."""
    await page.locator("textarea").fill(text)
    await page.locator("textarea").press("Enter")
