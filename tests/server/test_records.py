"""Conversations, history, feedback and FAQs over the API; metrics and logs about them."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from desk.telemetry.logs import configure_logs
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask


async def test_a_conversation_is_named_listed_and_deleted(ada: httpx.AsyncClient) -> None:
    chosen = (await ask(ada, "hi"))["conversation_id"]
    named = await ada.put(f"/api/v1/conversations/{chosen}", json={"title": "About my books"})
    assert named.json()["title"] == "About my books"
    listed = (await ada.get("/api/v1/conversations")).json()["conversations"]
    assert listed[0]["id"] == chosen
    assert (await ada.delete(f"/api/v1/conversations/{chosen}")).status_code == 204
    assert (await ada.get(f"/api/v1/conversations/{chosen}")).status_code == 404
    assert (await ada.delete(f"/api/v1/conversations/{chosen}")).status_code == 404
    history = await ada.get("/api/v1/chat/history", params={"conversation_id": chosen})
    assert history.status_code == 404


async def test_history_is_paged_oldest_first(ada: httpx.AsyncClient) -> None:
    conversation = None
    for message in ("hi", "Which cards do you take?", "thanks"):
        conversation = (await ask(ada, message, conversation_id=conversation))["conversation_id"]
    texts, cursor = [], None
    for _ in range(10):
        params = {"conversation_id": conversation, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await ada.get("/api/v1/chat/history", params=params)).json()
        texts += [message["text"] for message in page["messages"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(texts) == 6
    assert texts[0] == "hi"
    assert texts[4] == "thanks"
    alias = (await ada.get(f"/api/v1/conversations/{conversation}/history")).json()["messages"]
    assert [message["text"] for message in alias] == texts


async def test_an_agent_sees_the_tenants_conversations(
    base_url: str, issuer: Issuer, ada: httpx.AsyncClient
) -> None:
    conversation = (await ask(ada, "hi"))["conversation_id"]
    async with httpx.AsyncClient(
        base_url=base_url, headers=bearer(issuer, "agent@example.com", "agent")
    ) as agent:
        listed = (await agent.get("/api/v1/conversations", params={"limit": 200})).json()["conversations"]
        assert conversation in [entry["id"] for entry in listed]


async def test_feedback_is_kept_once_and_replaced(ada: httpx.AsyncClient) -> None:
    turn = (await ask(ada, "Which cards do you take?"))["turn_id"]
    body = {"turn_id": turn, "rating": "down", "tags": ["wrong"], "comment": "not what I asked"}
    assert (await ada.post("/api/v1/chat/feedback", json=body)).status_code == 204
    assert (await ada.post("/api/v1/chat/feedback", json=body | {"rating": "up"})).status_code == 204
    assert (await ada.post("/api/v1/chat/feedback", json=body | {"rating": "5"})).status_code == 422
    unknown = body | {"turn_id": str(uuid4())}
    assert (await ada.post("/api/v1/chat/feedback", json=unknown)).status_code == 404


async def test_faqs_are_read_page_by_page_and_searched(ada: httpx.AsyncClient) -> None:
    page = (await ada.get("/api/v1/faqs", params={"limit": 10})).json()
    assert len(page["faqs"]) == 10
    rest = (await ada.get("/api/v1/faqs", params={"cursor": page["next_cursor"]})).json()["faqs"]
    assert {faq["id"] for faq in page["faqs"]}.isdisjoint(faq["id"] for faq in rest)
    one = page["faqs"][0]
    assert (await ada.get(f"/api/v1/faqs/{one['id']}")).json() == one
    assert (await ada.get("/api/v1/faqs/nothing-of-that-name")).status_code == 404
    found = (await ada.get("/api/v1/faqs/search", params={"q": one["question"]})).json()["results"]
    assert found[0]["source_id"] == one["id"]
    assert (await ada.get("/api/v1/faqs/search", params={"q": "a\0b"})).status_code == 422


async def test_health_ready_metrics_and_docs(anyone: httpx.AsyncClient, ada: httpx.AsyncClient) -> None:
    await ask(ada, "hi")
    assert (await anyone.get("/api/v1/healthz")).json() == {"status": "ok"}
    assert (await anyone.get("/health")).status_code == 200
    assert (await anyone.get("/api/v1/readyz")).json() == {"status": "ready"}
    metrics = (await anyone.get("/metrics")).text
    assert 'desk_turns_total{route="canned"}' in metrics
    assert 'desk_step_seconds_count{node="route_intent"}' in metrics
    assert 'desk_requests_total{method="POST",route="/api/v1/chat/",status="200"}' in metrics
    assert (await anyone.get("/docs")).status_code == 200
    paths = (await anyone.get("/openapi.json")).json()["paths"]
    assert "/api/v1/chat/stream" in paths
    assert "/api/v1/handoffs" in paths
    assert "/api/v1/chat/completions" not in paths


async def test_logs_name_the_request_but_not_the_message(
    ada: httpx.AsyncClient, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logs("info")  # another test's application may have set a higher level since
    response = await ada.post("/api/v1/chat/", json={"message": "a canary called tweety-4711"})
    captured = capfd.readouterr().err
    assert response.headers["x-correlation-id"] in captured
    assert "tweety" not in captured
