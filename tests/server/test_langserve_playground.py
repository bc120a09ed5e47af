"""LangServe's stock playground, in a real browser without a network: it works, and its text grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route

from desk.domain import Principal, SubjectId, Tenant, TenantId, new_id
from desk.events import Token
from server.access import RIGHTS
from server.auth import Caller
from server.issuer import Issuer
from server.langserve import PATH
from tests.server.conftest import served
from tests.server.langserve_wire import ScriptedTurns, done, scripted_front

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore:astream_log is deprecated")]


@pytest.fixture
async def profile(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh browser profile."""
    context = await browser.new_context()
    yield context
    await context.close()


async def open_playground(profile: BrowserContext, url: str) -> tuple[Page, list[str]]:
    """The playground with the network cut to this server, and the complaints the page makes."""
    complaints: list[str] = []

    async def only_ours(route: Route) -> None:
        if route.request.url.startswith(url):
            await route.continue_()
        else:
            complaints.append(f"asked for {route.request.url}")
            await route.abort()

    await profile.route("**/*", only_ours)
    page = await profile.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    await page.goto(f"{url}{PATH}/playground/")
    return page, complaints


async def send(page: Page, message: str) -> None:
    await page.locator("textarea").first.fill(message)
    await page.get_by_role("button", name="Start").click()


async def test_the_text_grows_while_it_streams(profile: BrowserContext) -> None:
    words = ["Standard ", "shipping ", "takes ", "a ", "week."]
    turns = ScriptedTurns()
    turns.script = [*(Token(word) for word in words), done("".join(words))]
    turns.pause = 0.3
    tenant = Tenant(TenantId(new_id()), "shop", "A shop")
    person = Caller(Principal(tenant.id, "user", SubjectId(new_id())), tenant, RIGHTS["user"])
    seen: list[str] = [""]
    async with served(scripted_front(turns, person)) as url:
        page, complaints = await open_playground(profile, url)
        await send(page, "How long?")
        output = page.locator("h2:has-text('Output') + div")
        async with asyncio.timeout(15):
            while seen[-1] != "".join(words):
                seen.append(await output.inner_text())
                await asyncio.sleep(0.05)
        await page.close()
    assert complaints == []
    assert len(set(seen)) >= 4


async def test_a_person_with_the_login_link_can_use_it(
    profile: BrowserContext, base_url: str, issuer: Issuer
) -> None:
    code = issuer.sign(tenant="bookshop", email="ada@example.com", role="user", seconds=60, typ="login+jwt")
    login = await profile.new_page()
    await login.goto(f"{base_url}/login?code={code}")
    page, complaints = await open_playground(profile, base_url)
    await send(page, "How long does shipping take?")
    await page.get_by_text("business days").first.wait_for()
    assert complaints == []


async def test_without_a_login_it_gets_no_answer(profile: BrowserContext, base_url: str) -> None:
    page, _ = await open_playground(profile, base_url)
    async with page.expect_response(f"**{PATH}/stream_log") as refused:
        await send(page, "How long does shipping take?")
    assert (await refused.value).status == 401
