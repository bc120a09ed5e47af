"""Privacy on the admin page: a person is found, handed their file, and erased after a typed word."""

from __future__ import annotations

import json
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page, expect

from server.issuer import Issuer
from tests.server.admin_page import page, shot
from tests.server.conftest import bearer
from tests.server.wire import ask

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)


async def test_a_person_is_found_exported_and_erased(
    page: Page, url: str, issuer: Issuer, admin: httpx.AsyncClient
) -> None:
    email = f"gone-{uuid4().hex[:8]}@example.com"
    async with httpx.AsyncClient(base_url=url, headers=bearer(issuer, email), timeout=30) as gone:
        await ask(gone, "hello, is anybody there?")
    await page.goto(f"{url}/admin#privacy")
    kept = page.get_by_role("row", name="Conversations, from their last message")
    await expect(kept).to_contain_text("365 days")  # by the installation, as the shop has set nothing
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("#field-user-wrong")).to_contain_text("Write their address.")
    await page.get_by_label("Who", exact=True).fill("nobody@example.com")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("#field-user-wrong")).to_contain_text("Nobody of this name")
    await page.get_by_label("Who", exact=True).fill(email)
    await page.get_by_role("button", name="Find").click()
    person = page.locator("#person")
    await expect(person).to_contain_text(email)
    await shot(page, "privacy")
    async with page.expect_download() as waited:
        await person.get_by_role("button", name="Export for machines (JSON)").click()
    exported = (await (await waited.value).path()).read_text(encoding="utf-8")
    assert "is anybody there?" in exported
    assert json.loads(exported)
    await person.get_by_role("button", name="Erase…").click()
    dialog = page.locator("#confirm")
    await expect(dialog.get_by_role("button", name="Erase")).to_be_disabled()
    await dialog.get_by_label("Type “erase” to go on").fill("eras")
    await expect(dialog.get_by_role("button", name="Erase")).to_be_disabled()
    await shot(page, "privacy-erase")
    await page.keyboard.press("Escape")
    found = {"user": email}
    assert (await admin.post("/api/v1/privacy/subjects/find", json=found)).status_code == 200
    await person.get_by_role("button", name="Erase…").click()
    await dialog.get_by_label("Type “erase” to go on").fill("erase")
    await dialog.get_by_role("button", name="Erase").click()
    await expect(person.get_by_role("status")).to_contain_text("Their key is destroyed")
    await expect(person.get_by_role("button", name="Erase…")).to_be_disabled()
    assert (await admin.post("/api/v1/privacy/subjects/find", json=found)).status_code == 404
