"""What a person takes away: all of it, readable, restored, theirs alone, and noted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from desk.domain import Principal
from desk.errors import NotFound
from desk.settings import Settings
from desk.storage.pool import Database
from desk.subjects.export import Exporter, Piece
from desk.subjects.export_forms import written
from desk.subjects.keys import KeyRing
from desk.subjects.master_keys import open_master_key
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.test_isolation import principal_of
from tests.server.wire import ask

WHO = "ada@example.com"
MARKUP = "<b onclick=steal()>hello & goodbye</b>"


async def talk_of_everything(client: httpx.AsyncClient) -> dict[str, Any]:
    """A conversation with a personal value, a title, feedback and a return that was made; the last reply."""
    first = await ask(client, f"I am Ada, write to ada.private@example.org. {MARKUP}")
    conversation = first["conversation_id"]
    titled = {"title": f"About {MARKUP}"}
    assert (await client.put(f"/api/v1/conversations/{conversation}", json=titled)).status_code == 200
    rated = {"turn_id": first["turn_id"], "rating": "down", "tags": ["slow"], "comment": "not helpful at all"}
    assert (await client.post("/api/v1/chat/feedback", json=rated)).status_code == 204
    offered = await ask(client, "I want to return order 100234", conversation_id=conversation)
    (action,) = offered["reply"]["actions"]
    body = {"confirm": action["id"], "conversation_id": conversation}
    confirmed = await client.post("/api/v1/chat/", json=body)
    assert confirmed.status_code == 200, confirmed.text
    return {**confirmed.json(), "first": first}


async def agree(client: httpx.AsyncClient, *, granted: bool) -> dict[str, Any]:
    body = {"purpose": "marketing.mail", "text_version": "2026-01", "granted": granted}
    response = await client.post("/api/v1/privacy/consent", json=body)
    assert response.status_code == 201, response.text
    kept: dict[str, Any] = response.json()
    return kept


async def test_the_export_holds_all_of_it_in_the_persons_own_words(
    ada: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    done = await talk_of_everything(ada)
    await agree(ada, granted=True)
    response = await ada.get("/api/v1/privacy/export")
    assert response.status_code == 200, response.text
    assert response.headers["content-disposition"] == 'attachment; filename="export.json"'
    export = response.json()
    assert export["format"] == "deskgraph.subject/1"
    subject = (await principal_of(database, settings, WHO)).subject_id
    assert export["subject"]["id"] == str(subject)
    assert export["consents"][-1]["purpose"] == "marketing.mail"

    [talk] = [one for one in export["conversations"] if one["id"] == done["conversation_id"]]
    assert talk["title"] == f"About {MARKUP}"
    history = await ada.get("/api/v1/chat/history", params={"conversation_id": done["conversation_id"]})
    shown = [(one["id"], one["role"], one["text"]) for one in history.json()["messages"]]
    assert [(one["id"], one["role"], one["text"]) for one in talk["messages"]] == shown
    assert "ada.private@example.org" in talk["messages"][0]["text"]
    feedback = [one["feedback"] for one in talk["turns"] if "feedback" in one]
    assert feedback == [{"rating": "down", "tags": ["slow"], "comment": "not helpful at all"}]
    [effect] = talk["effects"]
    assert (effect["name"], effect["state"]) == ("start_return", "result")
    assert "100234" in str(effect["request"])
    noted = [one for one in export["audit"] if one["action"] == "subject.export"]
    assert noted[-1]["by"] == "self"
    assert noted[-1]["object"] == str(subject)

    async with database.tenant_tx(
        Principal((await principal_of(database, settings, WHO)).tenant_id, "worker")
    ) as tx:
        cursor = await tx.execute("select count(*) from conversations where subject_id = %s", (subject,))
        assert await cursor.fetchone() == (len(export["conversations"]),)


async def test_what_does_not_open_is_missing_and_the_rest_is_there(
    ada: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    done = await talk_of_everything(ada)
    worker = Principal((await principal_of(database, settings, WHO)).tenant_id, "worker")
    of_talk = {"talk": done["conversation_id"]}
    async with database.tenant_tx(worker) as tx:
        for broken in (
            "update conversations set vault_sealed = 'x', title_sealed = 'x' where id = %(talk)s",
            "update messages set text_sealed = 'x' where conversation_id = %(talk)s and role = 'user'",
            "update effects set result_sealed = 'x' where turn_id in"
            " (select id from turns where conversation_id = %(talk)s)",
        ):
            assert (await tx.execute(broken, of_talk)).rowcount > 0
    export = (await ada.get("/api/v1/privacy/export")).json()
    [talk] = [one for one in export["conversations"] if one["id"] == done["conversation_id"]]
    assert talk["title"] is None
    assert all((one["text"] is None) == (one["role"] == "user") for one in talk["messages"])
    [effect] = talk["effects"]
    assert (effect["result"], "100234" in str(effect["request"])) == (None, True)
    assert (await ada.get("/api/v1/privacy/export?format=html")).text.endswith("<p>That is all.</p></html>\n")
    async with database.tenant_tx(worker) as tx:
        await tx.execute("delete from conversations where id = %(talk)s", of_talk)


async def test_the_page_is_for_people_and_runs_nothing(ada: httpx.AsyncClient) -> None:
    await talk_of_everything(ada)
    page = (await ada.get("/api/v1/privacy/export", params={"format": "html"})).text
    assert "&lt;b onclick=steal()&gt;hello &amp; goodbye&lt;/b&gt;" in page
    assert "<b onclick" not in page
    assert "ada.private@example.org" in page
    assert page.rstrip().endswith("<p>That is all.</p></html>")


async def test_an_admin_exports_for_a_person_of_their_own_tenant_alone(
    base_url: str, issuer: Issuer, ada: httpx.AsyncClient, boss: httpx.AsyncClient, anne: httpx.AsyncClient
) -> None:
    await ask(ada, "hi")
    found = await boss.post("/api/v1/privacy/subjects/find", json={"user": WHO})
    path = f"/api/v1/privacy/subjects/{found.json()['subject_id']}/export"
    mine = (await ada.get("/api/v1/privacy/export")).json()
    theirs = (await boss.get(path)).json()
    assert theirs["conversations"] == mine["conversations"]
    assert theirs["audit"][-1]["by"] == "others"
    assert (await anne.get(path)).status_code == 403
    assert (await ada.get(path)).status_code == 403
    headers = bearer(issuer, "boss@desk.example", "admin", "rival-exporters")
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as nowhere:
        assert (await nowhere.get(path)).status_code == 401
    unknown = await boss.get("/api/v1/privacy/subjects/00000000-0000-7000-8000-000000000000/export")
    assert unknown.status_code == 404


async def test_consents_are_added_and_the_newest_of_a_purpose_holds(base_url: str, issuer: Issuer) -> None:
    headers = bearer(issuer, "consenting@example.com")
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as client:
        await agree(client, granted=True)
        taken_back = await agree(client, granted=False)
        found = (await client.get("/api/v1/privacy/consent")).json()
        assert found["current"] == [taken_back]
        assert [one["granted"] for one in found["history"]] == [True, False]
        exported = (await client.get("/api/v1/privacy/export")).json()["consents"]
        assert [one["granted"] for one in exported] == [True, False]
        wrong: list[dict[str, Any]] = [
            {"purpose": "Marketing", "text_version": "1", "granted": True},
            {"purpose": "marketing", "text_version": "", "granted": True},
            {"purpose": "marketing", "text_version": "1"},
        ]
        for body in wrong:
            assert (await client.post("/api/v1/privacy/consent", json=body)).status_code == 422
    other = bearer(issuer, "not-consenting@example.com")
    async with httpx.AsyncClient(base_url=base_url, headers=other) as client:
        assert (await client.get("/api/v1/privacy/consent")).json() == {"current": [], "history": []}


async def test_nothing_is_an_export_too_and_nobody_is_none(
    database: Database, settings: Settings, base_url: str, issuer: Issuer
) -> None:
    headers = bearer(issuer, "quiet@example.com")
    async with httpx.AsyncClient(base_url=base_url, headers=headers) as client:
        export = (await client.get("/api/v1/privacy/export")).json()
        assert (export["consents"], export["conversations"]) == ([], [])
        assert [one["action"] for one in export["audit"]] == ["subject.export"]
    keys = KeyRing(database, await open_master_key(settings, database))
    person = await principal_of(database, settings, "quiet@example.com")
    with pytest.raises(NotFound):
        await Exporter.of(database, keys, person, UUID(int=7))  # type: ignore[arg-type]


async def test_an_export_that_broke_off_does_not_pass_for_whole() -> None:
    async def pieces() -> Any:
        yield Piece("subject", {"id": "1"})
        yield Piece("conversations", {"id": "2"})
        raise OSError("the database went away")

    parts: list[bytes] = []

    async def read() -> None:
        async for part in written("json", pieces(), tenant="A shop"):
            parts.append(part)  # noqa: PERF401 - what came before it broke off counts

    with pytest.raises(OSError, match="went away"):
        await read()
    assert b"".join(parts).endswith(b'"conversations":[{"id":"2"}')
