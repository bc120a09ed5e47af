"""The audit over HTTP: admins read it and take it away, and nobody reads another tenant's."""

from __future__ import annotations

import json

import httpx

from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask


async def test_admins_read_what_was_done_page_by_page(
    ada: httpx.AsyncClient, boss: httpx.AsyncClient
) -> None:
    for _ in range(3):
        conversation = (await ask(ada, "hi"))["conversation_id"]
        assert (await ada.delete(f"/api/v1/conversations/{conversation}")).status_code == 204
    query = {"action": "conversation.delete", "limit": "2"}
    first = (await boss.get("/api/v1/audit", params=query)).json()
    assert first["audit"][0]["object"] == conversation
    assert {row["action"] for row in first["audit"]} == {"conversation.delete"}
    rest = (await boss.get("/api/v1/audit", params=query | {"cursor": first["next_cursor"]})).json()
    ids = [row["id"] for row in first["audit"] + rest["audit"]]
    assert len(set(ids)) == len(ids) >= 3
    assert ids == sorted(ids, reverse=True)
    [about] = (await boss.get("/api/v1/audit", params={"object": conversation})).json()["audit"]
    assert about["actor"] == first["audit"][0]["actor"]


async def test_the_export_is_noted_and_stays_in_the_tenant(
    base_url: str, issuer: Issuer, boss: httpx.AsyncClient, anne: httpx.AsyncClient
) -> None:
    response = await boss.get("/api/v1/audit/export")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert "audit.export" in {line.get("action") for line in lines}
    assert len({line.get("tenant_id") for line in lines}) == 1
    assert (await anne.get("/api/v1/audit/export")).status_code == 403
    async with httpx.AsyncClient(base_url=base_url, headers=bearer(issuer, "x@y.example", "user")) as user:
        assert (await user.get("/api/v1/audit")).status_code == 403
