"""Prompts by route: written, looked at, labelled, rolled back, audited, and by nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from desk.storage import tenants
from desk.storage.pool import Database
from prompts.intents import read_intents
from server.issuer import Issuer
from tests.server.conftest import bearer

TEXT = "Help for {{shop_name}} in {{language}}: {{passages}}"


@pytest.fixture
async def admins(
    base_url: str, issuer: Issuer, database: Database
) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """Admins of two shops."""
    slugs = [f"shop-{uuid4().hex[:12]}" for _ in range(2)]
    async with database.control_tx() as tx:
        for slug in slugs:
            await tenants.create(tx, slug, slug)
    one, other = (bearer(issuer, "boss@example.com", "admin", slug) for slug in slugs)
    async with (
        httpx.AsyncClient(base_url=base_url, headers=one, timeout=30) as first,
        httpx.AsyncClient(base_url=base_url, headers=other, timeout=30) as second,
    ):
        yield first, second


async def test_a_version_is_written_previewed_labelled_and_rolled_back(
    admins: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    boss, stranger = admins
    at = "/api/v1/prompts/support"
    made = await boss.post(f"{at}/versions", json={"text": TEXT, "notes": "shorter"})
    assert made.status_code == 201, made.text
    version = made.json()["version"]
    assert (version, made.json()["origin"]) == (1001, "tenant")
    again = await boss.post(f"{at}/versions", json={"text": TEXT})
    assert again.json()["version"] == version
    seen = await boss.post(f"{at}/preview", json={"version": version, "values": {"shop_name": "Us"}})
    assert seen.json()["rendered"].startswith("Help for Us in English: [shipping]")
    refused = await boss.post(f"{at}/preview", json={"text": "{{secret}}"})
    assert refused.status_code == 422
    assert "no variable secret" in refused.json()["detail"]
    assert "+Help for" in (await boss.get(f"{at}/diff", params={"a": 1, "b": version})).json()["diff"]
    for label, share in (("production", 0), ("canary", 0.2)):
        body = {"label": label, "version": version, "share": share, "note": "try it"}
        assert (await boss.post(f"{at}/labels", json=body)).json()["version"] == version
    wrong = {"label": "candidate", "version": version, "share": 0.9}
    assert (await boss.post(f"{at}/labels", json=wrong)).status_code == 422
    assert (await boss.post(f"{at}/labels", json={"label": "production", "version": 1999})).status_code == 404
    body = {"label": "production", "version": 1}
    assert (await boss.post(f"{at}/labels", json=body)).status_code == 200
    backs = [await boss.post(f"{at}/rollback", json={"label": "production"}) for _ in range(3)]
    assert [back.status_code for back in backs] == [200, 200, 409]
    assert [back.json()["version"] for back in backs[:2]] == [version, None]
    told = (await boss.get(f"{at}/history")).json()["history"]
    assert [(row["label"], row["version"], row["rollback"]) for row in told] == [
        ("production", None, True),
        ("production", version, True),
        ("production", 1, False),
        ("canary", version, False),
        ("production", version, False),
    ]
    acts = (await boss.get("/api/v1/audit", params={"object": "support"})).json()
    assert "prompts.rolled_back" in str(acts)
    assert (await boss.get(f"{at}/figures")).json()["versions"] == []
    assert (await stranger.get(f"{at}/versions/{version}")).status_code == 404
    assert (await stranger.get(f"{at}/history")).json()["history"] == []
    listed = (await stranger.get("/api/v1/prompts")).json()["prompts"]
    assert {one["origin"] for prompt in listed for one in prompt["versions"]} == {"file"}


async def test_nobody_but_an_admin(ada: httpx.AsyncClient, anne: httpx.AsyncClient) -> None:
    for client in (ada, anne):
        assert (await client.get("/api/v1/prompts")).status_code == 403
        body = {"label": "production", "version": 1}
        assert (await client.post("/api/v1/prompts/support/labels", json=body)).status_code == 403


async def test_a_reply_tells_its_bundle_and_the_bundle_what_it_is_made_of(
    ada: httpx.AsyncClient, boss: httpx.AsyncClient, admins: tuple[httpx.AsyncClient, httpx.AsyncClient]
) -> None:
    reply = (await ada.post("/api/v1/chat/", json={"message": "hello"})).json()
    found = await boss.get(f"/api/v1/prompts/bundles/{reply['bundle']}")
    assert found.json()["made_of"]["router"]["intents"] == "bookshop"
    assert (await admins[0].get(f"/api/v1/prompts/bundles/{reply['bundle']}")).status_code == 404


async def test_intents_are_a_prompt_that_begins_with_a_file(
    admins: tuple[httpx.AsyncClient, httpx.AsyncClient],
) -> None:
    boss, stranger = admins
    at = "/api/v1/prompts/intents"
    text = (await boss.get(f"{at}/versions/1")).json()["source"]
    assert text == read_intents("bookshop")
    changed = text.replace("Hello and welcome to the bookshop!", "Ahoy!")
    made = await boss.post(f"{at}/versions", json={"text": changed, "notes": "as sailors"})
    assert (made.status_code, made.json()["version"]) == (201, 1001)
    told = (await boss.get(f"{at}/diff", params={"a": 1, "b": 1001})).json()["diff"]
    assert "+      en: Ahoy! How can I help you today?" in told
    broken = await boss.post(f"{at}/versions", json={"text": text.replace("name: greeting", "name: Hi")})
    assert broken.status_code == 422
    assert "intents: Hi: names are lower_case" in broken.json()["detail"]
    assert (await boss.post(f"{at}/labels", json={"label": "production", "version": 1001})).status_code == 200
    assert (await stranger.get(f"{at}/versions/1001")).status_code == 404
