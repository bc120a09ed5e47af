"""Audit and usage on the admin page: what was done is found, the chain is verified, spending is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, expect

from desk.domain import Principal
from desk.storage import tenants, usage_hourly
from desk.storage.pool import Database
from tests.server.admin_page import fits_a_phone, page, shot
from tests.server.wire import ask

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)


async def test_what_was_done_is_found_and_the_chain_is_verified(
    page: Page, url: str, admin: httpx.AsyncClient
) -> None:
    faq = f"zorb-{uuid4().hex[:8]}"
    body = {"id": faq, "question": f"Is {faq} there?", "answer": "It was."}
    assert (await admin.post("/api/v1/faqs", json=body)).status_code == 201
    assert (await admin.delete(f"/api/v1/faqs/{faq}")).status_code == 204
    await page.goto(f"{url}/admin#audit")
    entries = page.locator("#audit li")
    await expect(entries.first).to_be_visible()
    await page.get_by_label("To what").fill(faq)
    await page.get_by_role("button", name="Show").click()
    await expect(entries).to_have_count(2)
    await page.get_by_label("What was done").fill("faqs.deleted")
    await page.get_by_role("button", name="Show").click()
    await expect(entries).to_have_count(1)
    await shot(page, "audit")
    [row, _written] = (await admin.get("/api/v1/audit", params={"object": faq})).json()["audit"]
    assert row["action"] == "faqs.deleted"
    await expect(entries).to_contain_text(row["actor"])
    await page.get_by_label("What was done").fill("nothing.such")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("#content")).to_contain_text("Nothing was noted that is like that.")
    await page.get_by_role("button", name="All", exact=True).click()
    await expect(entries.first).to_be_visible()
    await page.get_by_role("button", name="Verify the chain").click()
    await expect(page.locator(".chain")).to_contain_text("The chain holds.")
    await shot(page, "audit-verified")
    verdict = (await admin.get("/api/v1/audit/verify")).json()
    assert verdict["findings"] == []
    assert verdict["rows"] + verdict["unsealed"] >= 1
    async with page.expect_download() as waited:
        await page.get_by_role("button", name="Export all").click()
    assert faq in (await (await waited.value).path()).read_text(encoding="utf-8")


async def test_usage_is_shown_beside_the_budgets(
    page: Page, url: str, admin: httpx.AsyncClient, customer: httpx.AsyncClient, database: Database
) -> None:
    await ask(customer, "hello")
    async with database.control_tx() as tx:
        shop = await tenants.by_slug(tx, "bookshop")
    assert shop is not None
    now = datetime.now(UTC)
    async with database.tenant_tx(Principal(shop.id, "worker")) as tx:
        await usage_hourly.fill(tx, shop.id, now - timedelta(hours=2), now)
    await page.goto(f"{url}/admin#usage")
    tiles = page.locator(".usage .tile")
    await expect(tiles).to_have_count(4)
    found = (await admin.get("/api/v1/usage")).json()
    spent = found["month"]["spent_usd"]
    await expect(tiles.nth(1)).to_contain_text(f"${spent:.4f}" if 0 < spent < 1 else f"${spent:.2f}")
    await expect(tiles.nth(1)).to_contain_text("budget" if found["month"]["budget_usd"] is None else "of $")
    await page.get_by_label("The last").select_option("720")
    await expect(tiles.nth(2)).to_contain_text("in 30 days")
    turns = sum(
        hour["turns"]
        for hour in (await admin.get("/api/v1/usage?hours=720")).json()["hours"]
        if hour["route"] == "all"
    )
    assert turns >= 1
    await expect(tiles.nth(2)).to_contain_text(str(turns))
    await expect(page.locator(".bars")).to_contain_text("canned")
    await expect(page.locator("#problem")).to_be_hidden()
    await shot(page, "usage")


async def test_all_of_it_fits_a_phone(page: Page, url: str) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    for place in ("audit", "usage", "privacy"):
        await page.goto(f"{url}/demo")
        await page.goto(f"{url}/admin#{place}")
        await expect(page.locator("#content > div > *").nth(1)).to_be_visible()
        await fits_a_phone(page)
        await shot(page, f"phone-{place}")
