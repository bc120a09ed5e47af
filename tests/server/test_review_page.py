"""The review page in a real browser: what was asked in vain or answered badly becomes a FAQ."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Page, expect

from desk.models.embeddings import MiniLM
from desk.settings import Settings
from desk.storage import tenants
from desk.storage.pool import Database
from server.issuer import load_issuer
from tests.server.admin_page import page, shot, slowly
from tests.server.conftest import bearer
from tests.server.test_faq_gaps import gather
from tests.server.wire import ask

__all__ = ["page"]

pytestmark = pytest.mark.browser

expect.set_options(timeout=15_000)


async def test_what_many_asked_becomes_a_draft(
    page: Page, url: str, settings: Settings, embedder: MiniLM, database: Database
) -> None:
    turns = []
    for email in ("zoe@example.com", "yan@example.com", "xia@example.com"):
        headers = bearer(load_issuer(settings), email)
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as customer:
            turn = await ask(customer, "xqzt blorf frobnicated zorbals")
            turns.append(turn["turn_id"])
    boss = bearer(load_issuer(settings), "boss@desk.example", "admin")
    async with httpx.AsyncClient(base_url=url, headers=boss, timeout=30) as admin:
        for turn_id in turns:
            label = {"label": "knowledge_missing"}
            assert (await admin.put(f"/api/v1/reviews/{turn_id}", json=label)).status_code == 204
    async with database.control_tx() as tx:
        shop = await tenants.by_slug(tx, "bookshop")
    assert shop is not None
    await gather(settings, embedder, shop)
    await page.goto(f"{url}/review")
    card = page.locator("#gaps li").filter(has_text="frobnicated zorbals")
    await expect(card).to_contain_text("3 questions of 3 people")
    await shot(page, "gaps")
    begun = await slowly(page, "**/draft")
    await card.get_by_role("button", name="Make a draft").dblclick()
    await expect(card.get_by_role("status")).to_contain_text("write its answer, then publish it")
    assert len(begun) == 1
    await card.evaluate("shown => { shown.dataset.before = true; }")
    await page.locator("#gap-state").select_option("drafted")
    card = page.locator("#gaps li:not([data-before])").filter(has_text="frobnicated zorbals")
    await expect(card).to_contain_text("draft q-")
    await card.get_by_role("button", name="Dismiss").click()
    await expect(card.get_by_role("status")).to_have_text("dismissed")
    await expect(page.locator("#problem")).to_be_hidden()


async def test_what_went_wrong_becomes_a_faq(page: Page, url: str, customer: httpx.AsyncClient) -> None:
    question = "Does the zorbal fit a gramblefast?"
    turn = await ask(customer, "xqzt blorf wumpus")
    await customer.post("/api/v1/chat/feedback", json={"turn_id": turn["turn_id"], "rating": "down"})
    await page.goto(f"{url}/review")
    await expect(page.locator("#tiles .tile")).to_have_count(5)
    await expect(page.locator("#chart-turns svg")).to_be_visible()
    await expect(page.locator("#prompts tbody tr").first).to_contain_text("support v2")
    await expect(page.locator("#problem")).to_be_hidden()
    card = page.locator(f'#turns [data-turn="{turn["turn_id"]}"]')
    await expect(card).to_contain_text("rated down")
    await shot(page, "review")
    await card.get_by_label("Label", exact=True).select_option("unclear")
    await expect(card.locator(".state")).to_have_text("labelled")
    await card.get_by_role("button", name="FAQ draft").click()
    await card.get_by_label("Question").fill(question)
    await card.get_by_label("Answer").fill("Yes, every zorbal fits every gramblefast.")
    await shot(page, "draft")
    await card.get_by_role("button", name="Publish").click()
    await expect(card.locator(".state")).to_have_text("made a FAQ")
    assert (await ask(customer, question))["reply"]["citations"][0]["title"] == question
    await card.evaluate("shown => { shown.dataset.before = true; }")
    await page.locator("#wanted").select_option("reviewed")
    card = page.locator(f'#turns [data-turn="{turn["turn_id"]}"]:not([data-before])')  # of the new list
    await card.get_by_role("link", name="Make a case").click()
    await expect(page.locator("#case-text")).to_have_value(re.compile("xqzt blorf wumpus"))
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{url}/review")
    await expect(page.locator("#tiles .tile")).to_have_count(5)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await shot(page, "review-phone")
