"""The sign-in page, and the widget on a shop's own page, in a real browser on the real application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import jwt
import pytest
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from desk.domain import Principal
from desk.storage import sites
from desk.storage.pool import Database
from tests.server.conftest import served
from tests.server.identity.people import PASSWORD, code_for, joined, new_address
from tests.server.identity.test_widget_tokens import statement
from tests.server.replicas import Replica, new_tenant
from tests.servers.key_server import KeyServer

pytestmark = pytest.mark.browser

NEW = "a new and better password"


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A tab of a fresh profile; a script's error or a policy's complaint fails the test."""
    profile = await browser.new_context(locale="en-GB", reduced_motion="reduce")
    tab = await profile.new_page()
    tab.set_default_timeout(15_000)
    broken: list[str] = []
    tab.on("pageerror", lambda error: broken.append(str(error)))
    tab.on("console", lambda said: broken.append(said.text) if "Content Security" in said.text else None)
    yield tab
    await profile.close()
    assert broken == []


async def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        await page.locator(f"#{name}").fill(value)
    await page.locator("#submit").click()


async def test_somebody_registers_confirms_and_lands_on_the_page(
    place: Replica, slug: str, page: Page
) -> None:
    address = new_address()
    await page.goto(f"{place.url}/signin?tenant={slug}&page=/console")
    await page.get_by_role("button", name="Make an account").click()
    await fill(page, email=address, password=PASSWORD)
    await expect(page.get_by_role("heading", name="Confirm your address")).to_be_focused()
    await fill(page, code="AAAA-AAAA-AAAA")
    await expect(page.get_by_role("alert")).to_contain_text("code is wrong or too old")
    await fill(page, code=await code_for(place, address))
    await page.wait_for_url(f"{place.url}/console")
    await expect(page.locator("#me")).to_have_text("This page is for agents and admins.")
    await page.goto(f"{place.url}/signin")
    await expect(page.locator("#who")).to_have_text(f"You are signed in as {address} at {slug}.")
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_who_closed_the_page_confirms_by_the_mails_code_all_the_same(
    place: Replica, slug: str, page: Page
) -> None:
    address = new_address()
    await page.goto(f"{place.url}/signin?tenant={slug}")
    await page.get_by_role("button", name="Make an account").click()
    await fill(page, email=address, password=PASSWORD)
    await expect(page.get_by_role("heading", name="Confirm your address")).to_be_focused()
    await page.goto("about:blank")
    await page.goto(f"{place.url}/signin?tenant={slug}")
    await page.get_by_role("button", name="I have a code for a new account").click()
    await fill(page, email=address, password=PASSWORD, code=await code_for(place, address))
    await page.wait_for_url(f"{place.url}/demo")


async def test_a_wrong_password_then_a_new_one_by_mail(place: Replica, slug: str, page: Page) -> None:
    await joined(place, slug, address := new_address())
    await page.goto(f"{place.url}/signin?tenant={slug}")
    await fill(page, email=address, password="not the password")
    await expect(page.get_by_role("alert")).to_contain_text("The address or the password is wrong")
    await page.get_by_role("button", name="Forgot the password").click()
    await fill(page)
    await expect(page.get_by_role("status")).to_contain_text("has an account")
    await fill(page, code=await code_for(place, address, at_least=2), password=NEW)
    await page.wait_for_url(f"{place.url}/demo")
    await page.goto(f"{place.url}/signin")
    await page.get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_somebody_signs_in_at_the_company(place: Replica, provider: KeyServer, page: Page) -> None:
    provider.sign_in.told = {"sub": "an-agent", "realm_access": {"roles": ["desk-agent"]}}
    provider.sign_in.served_at = place.url
    try:
        await page.goto(f"{place.url}/console")
        await page.get_by_role("link", name="Sign in").click()
        await page.get_by_role("link", name="Sign in with The company").click()
        await page.wait_for_url(f"{place.url}/console")
        await expect(page.locator("#me")).to_have_text("ada@example.com, agent of bookshop")
        provider.sign_in.told = {"realm_access": {"roles": []}}
        await page.context.clear_cookies()
        await page.goto(f"{place.url}/signin")
        await page.get_by_role("link", name="Sign in with The company").click()
        await expect(page.get_by_role("alert")).to_contain_text("did not let you in")
    finally:
        provider.sign_in.told, provider.sign_in.served_at = {}, None


@asynccontextmanager
async def shop_page(place: Replica, shop: str, site: str) -> AsyncIterator[str]:
    """A shop's own page with the widget on it; its server says who `/me` is."""

    async def home(_request: Request) -> Response:
        return HTMLResponse(
            "<!doctype html><html lang=en><title>A shop</title><body><h1>A shop of one's own</h1>"
            f'<script src="{place.url}/widget.js" defer></script>'
            f'<deskgraph-chat site="{site}" title="Ask us" locale="en"></deskgraph-chat></body></html>'
        )

    async def me(_request: Request) -> Response:
        return PlainTextResponse(await statement(place, shop, sub="customer 17", email="ada@example.com"))

    async with served(Starlette(routes=[Route("/", home), Route("/me", me)])) as url:
        yield url


async def test_a_visitor_of_another_page_talks_and_is_known_again(
    place: Replica, page: Page, database: Database
) -> None:
    shop = await new_tenant(place)
    tenant = await place.desk.services.engine.tenants.get(shop)
    async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
        site = await sites.create(tx, tenant.id, "the shop", ["http://127.0.0.1:1"])
    async with shop_page(place, shop, site) as url:
        async with database.tenant_tx(Principal(tenant.id, "worker")) as tx:
            await tx.execute("update sites set origins = array[%s] where key = %s", (url, site))
        place.desk.reception.sites._origins_until = 0.0
        await page.goto(url)
        await page.locator(".launcher").click()
        await say(page, "hello there")
        log = page.locator(".log")
        await expect(log.locator(".assistant")).to_have_count(2)  # the welcome and the answer
        visitor = await page.evaluate("Object.keys(localStorage)")
        assert visitor == [f"deskgraph:visitor:{place.url}:{site}"]
        await page.reload()
        await page.locator(".launcher").click()
        await expect(log.locator(".user")).to_have_text(["You: hello there"])
        await page.evaluate("sessionStorage.clear()")
        await page.reload()
        await page.evaluate(
            "document.querySelector('deskgraph-chat').identity = async () => (await fetch('/me')).text()"
        )
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.headers.get("authorization", "")))
        await page.locator(".launcher").click()
        await say(page, "hello from Ada")
        await expect(log.locator(".assistant")).to_have_count(2)
    tokens = {text.removeprefix("Bearer ") for text in asked if text}
    claims = [jwt.decode(token, options={"verify_signature": False}) for token in tokens]
    assert [(told["sub"], told["email"]) for told in claims] == [("person:customer 17", "ada@example.com")]


async def say(page: Page, text: str) -> None:
    await page.locator("textarea").fill(text)
    await page.locator("textarea").press("Enter")
