"""The widget in a tenant's colours: readable whatever the colour, and the page's own word counts more."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.web.driving import open_chat, say
from tests.web.test_widget_access import FAINT
from tests.web.wire import Stream, Wire, accepted, done

pytestmark = pytest.mark.browser

PICTURE = "/pictures/logo.png"
GROUND = "node => getComputedStyle(node).backgroundColor"


async def put_chat(page: Page, wire: Wire, attributes: dict[str, str]) -> None:
    """A page with a chat of these attributes."""
    await page.goto(f"{wire.url}/demo")
    await page.evaluate(
        """(attributes) => {
            document.querySelector("deskgraph-chat").remove();
            const chat = document.createElement("deskgraph-chat");
            for (const [name, value] of Object.entries(attributes)) chat.setAttribute(name, value);
            document.body.append(chat);
        }""",
        attributes,
    )


async def ground_of(page: Page, place: str) -> Any:
    return await page.locator(place).evaluate(GROUND)


async def test_a_site_has_its_tenants_title_and_colour(page: Page, wire: Wire) -> None:
    wire.branding = {"title": "Ask Marginalia", "color": "#7a1f5c", "logo_url": None}
    await put_chat(page, wire, {"site": "site_one", "open": ""})
    await expect(page.get_by_role("dialog", name="Ask Marginalia")).to_be_visible()
    assert await ground_of(page, ".panel header") == "rgb(122, 31, 92)"
    [asked] = [seen for seen in wire.seen if seen.path == "/api/v1/widget/branding"]
    assert asked.body == {"site_key": "site_one"}
    assert "authorization" not in asked.headers


async def test_the_pages_title_and_colour_come_first(page: Page, wire: Wire) -> None:
    wire.branding = {"title": "Ask Marginalia", "color": "#7a1f5c"}
    await put_chat(page, wire, {"title": "Ask us", "open": ""})
    await expect(page.locator(".panel header")).to_have_css("background-color", "rgb(122, 31, 92)")
    await page.evaluate("document.body.style.setProperty('--deskgraph-accent', 'rgb(1, 2, 3)')")
    assert await ground_of(page, ".panel header") == "rgb(1, 2, 3)"
    await expect(page.get_by_role("dialog", name="Ask us")).to_be_visible()


@pytest.mark.parametrize("color", ["#ffe14d", "#767676", "#808080", "#0b2a6f"])
async def test_every_colour_can_be_read(page: Page, wire: Wire, color: str) -> None:
    wire.branding = {"color": color}
    wire.scenes.append(Stream((accepted(), done("Hello.", suggestions=["More of it"]))))
    await open_chat(page, wire)
    await say(page, "hi")
    await expect(page.get_by_role("button", name="More of it")).to_be_visible()
    assert await page.evaluate(FAINT) == []
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    assert await ground_of(page, ".panel header") == f"rgb({red}, {green}, {blue})"


async def test_a_picture_that_does_not_come_leaves_no_hole(page: Page, wire: Wire) -> None:
    wire.branding = {"title": "Ask Marginalia", "logo_url": f"{wire.url}{PICTURE}"}
    await put_chat(page, wire, {"open": ""})
    await expect(page.get_by_role("dialog", name="Ask Marginalia")).to_be_visible()
    await expect(page.locator(".logo")).to_have_count(0)


async def test_a_picture_stands_before_the_title(page: Page, wire: Wire) -> None:
    pixel = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    wire.branding = {"logo_url": pixel}
    await open_chat(page, wire)
    await expect(page.locator(".panel header > :first-child")).to_have_attribute("src", pixel)
