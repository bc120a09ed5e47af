"""Keys on the admin page: made, shown once, rotated and revoked."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.server.admin_page import fits_a_phone, page, shot

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)


async def test_a_key_is_made_shown_once_rotated_and_revoked(
    page: Page, url: str, admin: httpx.AsyncClient
) -> None:
    name = f"shop server {uuid4().hex[:6]}"
    await page.goto(f"{url}/admin#keys")
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.locator("#field-name-wrong")).to_contain_text("Say which service has it.")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Read and search the published FAQs").check()
    await page.get_by_role("button", name="Make the key").click()
    secret = page.get_by_label(f"The key of {name}")
    key = await secret.input_value()
    await shot(page, "keys-made")
    headers = {"x-api-key": key}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as service:
        assert (await service.get("/api/v1/faqs")).status_code == 200
        row = page.locator("#keys li").filter(has_text=name)
        await expect(row).to_contain_text("active")
        await page.reload()
        await expect(row).to_be_visible()
        await expect(secret).to_have_count(0)
        old = await row.get_attribute("data-key")
        await row.get_by_role("button", name="Rotate").click()
        await page.locator("#confirm").get_by_role("button", name="Make a new key").click()
        fresh = await page.get_by_label(f"The new key of {name}").input_value()
        assert fresh != key
        await expect(row).to_have_count(2)
        row = page.locator(f'#keys li[data-key="{old}"]')
        await row.get_by_role("button", name="Revoke").click()
        await page.locator("#confirm").get_by_role("button", name="Revoke").click()
        await expect(page.locator("#done")).to_contain_text("is revoked")
        await expect(row).to_contain_text("ended")
        await expect(row.get_by_role("button")).to_have_count(0)
        await shot(page, "keys")
    found = (await admin.get("/api/v1/api-keys")).json()["api_keys"]
    ended = [one["id"] for one in found if one["name"] == name and one["revoked_at"]]
    assert ended == [old]


async def test_the_lines_for_a_page_are_there_and_all_fits_a_phone(
    page: Page, url: str, admin: httpx.AsyncClient
) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    for place in ("keys", "settings"):
        await page.goto(f"{url}/demo")
        await page.goto(f"{url}/admin#{place}")
        await expect(page.locator("#content form")).to_be_visible()
        await fits_a_phone(page)
        await shot(page, f"phone-{place}")
    await page.goto(f"{url}/admin#keys")
    lines = page.locator("#sites pre")
    await expect(lines.first).to_contain_text(f'<script src="{url}/widget.js" defer></script>')
    sites = (await admin.get("/api/v1/sites")).json()["sites"]
    holding = [site["key"] for site in sites if site["revoked_at"] is None]
    for number, key in enumerate(holding or ["SITE_KEY"]):
        await expect(lines.nth(number)).to_contain_text(f'<deskgraph-chat site="{key}"></deskgraph-chat>')
