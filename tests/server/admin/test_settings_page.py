"""Settings on the admin page: a shop's own are changed and refused at their field; an operator sets all."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, expect

from desk.domain import Branding, Retention, TenantSettings
from desk.settings import Settings
from server.issuer import Issuer, load_issuer
from tests.server.admin_page import page, shot
from tests.server.conftest import bearer
from web import ASSETS

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)

OWN = "/api/v1/settings"


def test_the_page_has_words_for_every_setting() -> None:
    words = (ASSETS / "admin" / "settings-words.js").read_text(encoding="utf-8")
    named = set(re.findall(r'^    \["([a-z_.]+)", "', words, re.MULTILINE))
    parts: dict[str, Any] = {"branding": Branding, "retention": Retention}
    assert named == {
        f"{one.name}.{part.name}" if one.name in parts else one.name
        for one in fields(TenantSettings)
        for part in (fields(parts[one.name]) if one.name in parts else (one,))
    }


async def sign_in(page: Page, url: str, settings: Settings, role: Any, tenant: str) -> None:
    code = load_issuer(settings).sign(
        tenant=tenant, email=f"{role}@{tenant}.example", role=role, seconds=60, typ="login+jwt"
    )
    await page.context.clear_cookies()
    await page.goto(f"{url}/login?code={code}")


@pytest.fixture
async def platform(url: str, issuer: Issuer) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, headers=bearer(issuer, "ops@desk.example", "platform", "platform"), timeout=30
    )


async def test_an_admin_changes_what_is_the_shops_own(
    page: Page, url: str, settings: Settings, issuer: Issuer, platform: httpx.AsyncClient
) -> None:
    slug = f"shop-{uuid4().hex[:10]}"
    made = {"slug": slug, "settings": {"sla_minutes": 20, "budget_usd_per_day": 7}}
    assert (await platform.post("/api/v1/tenants", json=made)).status_code == 201
    await sign_in(page, url, settings, "admin", slug)
    await page.goto(f"{url}/admin#settings")
    await expect(page.get_by_label("Answered within, minutes")).to_have_value("20")
    await expect(page.locator("fieldset").filter(has_text="Models and what they cost")).to_contain_text("7")
    await expect(page.get_by_label("Budget a day, US$", exact=True)).to_have_count(0)
    await shot(page, "settings")
    await page.get_by_label("Office hours").fill("mon-fri 09:00-18:00\nsometimes")
    await page.get_by_label("Colour").fill("#aa0000")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#field-office_hours-wrong")).to_contain_text("mon-fri 09:00-18:00")
    await expect(page.get_by_label("Office hours")).to_be_focused()
    await shot(page, "settings-refused")
    await page.get_by_label("Office hours").fill("mon-fri 09:00-18:00")
    await page.get_by_label("Colour").fill("red")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("[id='field-branding-color-wrong']")).to_contain_text("#rrggbb")
    await page.get_by_label("Colour").fill("#aa0000")
    await page.get_by_label("Answered within, minutes").fill("")
    await page.get_by_label("Language").select_option("de")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#done")).to_contain_text("Saved.")
    stored = (await platform.get(f"/api/v1/tenants/{slug}")).json()["settings"]
    assert stored == {
        "intent_pack": "general",
        "budget_usd_per_day": 7.0,
        "office_hours": ["mon-fri 09:00-18:00"],
        "branding": {"title": None, "color": "#aa0000", "logo_url": None},
        "locale": "de",
    }
    headers = bearer(issuer, "someone@example.com", "admin", slug)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        refused = await client.patch(OWN, json={"settings": {"budget_usd_per_day": None, "locale": "fr"}})
        assert refused.status_code == 422
        assert "settings.budget_usd_per_day: who runs the installation" in refused.json()["detail"]
        assert (await client.get(OWN)).json()["settings"] == stored


async def test_an_operator_sets_everything_of_any_shop(
    page: Page, url: str, settings: Settings, platform: httpx.AsyncClient
) -> None:
    slug = f"shop-{uuid4().hex[:10]}"
    assert (await platform.post("/api/v1/tenants", json={"slug": slug, "name": slug})).status_code == 201
    await sign_in(page, url, settings, "platform", "platform")
    await page.goto(f"{url}/admin#settings")
    await page.get_by_role("link", name=slug).click()
    await page.get_by_label("Budget a day, US$", exact=True).fill("-1")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#field-budget_usd_per_day-wrong")).to_contain_text("must not be below 0")
    await page.get_by_label("Budget a day, US$", exact=True).fill("2.5")
    await page.get_by_label("External models").select_option("no")
    await page.get_by_label("Steps, days").fill("30")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#done")).to_contain_text("Saved.")
    stored = (await platform.get(f"/api/v1/tenants/{slug}")).json()["settings"]
    assert (stored["budget_usd_per_day"], stored["external_models"]) == (2.5, False)
    assert stored["retention"]["steps"] == 30


async def test_who_may_not_is_told_so(page: Page, url: str, settings: Settings) -> None:
    await sign_in(page, url, settings, "agent", "bookshop")
    await page.goto(f"{url}/admin")
    await expect(page.locator("#content")).to_contain_text("for admins of the shop")
    await page.context.clear_cookies()
    await page.reload()
    await expect(page.locator("#problem")).to_contain_text("You are not signed in")
    link = page.locator("#problem").get_by_role("link", name="Sign in")
    await expect(link).to_have_attribute("href", "/signin?page=/admin")
