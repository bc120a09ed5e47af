"""Bad input gets the right 4xx as problem+json, and nothing is stored wrongly."""

from __future__ import annotations

import httpx
import pytest

from desk.settings import Settings
from server.app import around, build_routes
from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask

PROBLEM_FIELDS = {"type", "title", "status", "detail", "correlation_id"}


def assert_problem(response: httpx.Response, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json().keys() >= PROBLEM_FIELDS
    assert response.json()["status"] == status
    assert "Traceback" not in response.text


BAD_BODIES: list[tuple[str, bytes, int]] = [
    ("empty message", b'{"message": ""}', 422),
    ("blank message", b'{"message": "  \\n "}', 422),
    ("no message", b"{}", 422),
    ("not JSON", b"{", 422),
    ("no body", b"", 422),
    ("a list", b"[]", 422),
    ("a number", b'{"message": 7}', 422),
    ("NUL", b'{"message": "a\\u0000b"}', 422),
    ("lone surrogate", b'{"message": "a\\ud800b"}', 422),
    ("not UTF-8", b'{"message": "\xff\xfe"}', 422),
    ("unknown field", b'{"message": "hi", "role": "system"}', 422),
    ("roles", b'{"messages": [{"role": "system", "content": "x"}]}', 422),
    ("conversation id that is no UUID", b'{"message": "hi", "conversation_id": "1; drop"}', 422),
    ("too long", b'{"message": "' + b"a" * 20_000 + b'"}', 422),
    ("1 MB", b'{"message": "' + b"a" * 1_000_000 + b'"}', 413),
    ("both message and confirm", b'{"message": "hi", "confirm": "x"}', 422),
    ("a confirm without its conversation", b'{"confirm": "x"}', 422),
    ("locale", b'{"message": "hi", "locale": "../../etc"}', 422),
]


@pytest.mark.parametrize(
    ("body", "status"), [row[1:] for row in BAD_BODIES], ids=[row[0] for row in BAD_BODIES]
)
@pytest.mark.parametrize("path", ["/api/v1/chat/", "/api/v1/chat/stream"])
async def test_a_bad_body_is_refused(ada: httpx.AsyncClient, path: str, body: bytes, status: int) -> None:
    before = len((await ada.get("/api/v1/chat/history", params={"limit": 500})).json()["messages"])
    response = await ada.post(path, content=body, headers={"content-type": "application/json"})
    assert_problem(response, status)
    after = len((await ada.get("/api/v1/chat/history", params={"limit": 500})).json()["messages"])
    assert after == before


async def test_a_tag_is_one_of_the_list_as_tags_are_kept_in_clear(ada: httpx.AsyncClient) -> None:
    turn = (await ask(ada, "hi"))["turn_id"]
    for tags, status in ((["unclear", "slow"], 204), (["my name is Ada"], 422), (["slow", "ada"], 422)):
        body = {"turn_id": turn, "rating": "down", "tags": tags}
        assert (await ada.post("/api/v1/chat/feedback", json=body)).status_code == status


async def test_a_large_body_in_chunks_is_refused(ada: httpx.AsyncClient) -> None:
    async def chunks() -> object:
        for _ in range(40):
            yield b" " * 4096

    response = await ada.post("/api/v1/chat/", content=chunks())  # type: ignore[arg-type]
    assert_problem(response, 413)


async def test_the_answer_does_not_quote_what_was_sent(ada: httpx.AsyncClient) -> None:
    response = await ada.post("/api/v1/chat/", json={"message": "hi", "secret_canary_field": "canary-4711"})
    assert "canary-4711" not in response.text
    for path, body in (
        ("/api/v1/privacy/consent", {"purpose": "canary-4711 !", "text_version": "1", "granted": True}),
        ("/api/v1/auth/reset", {"tenant": "bookshop", "email": "canary-4711"}),
        ("/api/v1/chat/feedback", {"turn_id": "canary-4711", "rating": "up"}),
    ):
        refused = await ada.post(path, json=body)
        assert_problem(refused, 422)
        assert "canary-4711" not in refused.text


@pytest.mark.parametrize("key", ["", "x" * 201, "tab\tinside", "ünïcode"])
async def test_a_bad_idempotency_key_is_refused(ada: httpx.AsyncClient, key: str) -> None:
    headers = [(b"idempotency-key", key.encode())]
    response = await ada.post("/api/v1/chat/", json={"message": "hi"}, headers=headers)
    assert response.status_code in {400, 422}


async def test_unknown_addresses_and_methods(ada: httpx.AsyncClient) -> None:
    assert_problem(await ada.get("/api/v1/nothing"), 404)
    assert_problem(await ada.delete("/api/v1/chat/history"), 405)
    assert_problem(await ada.get("/api/v1/conversations/not-a-uuid"), 422)
    assert_problem(await ada.get("/api/v1/chat/history", params={"limit": 501}), 422)


async def test_an_id_with_a_nul_is_refused(ada: httpx.AsyncClient) -> None:
    assert_problem(await ada.get("/api/v1/faqs/a%00b"), 422)
    assert_problem(await ada.get("/api/v1/faqs", params={"cursor": "a\0b"}), 422)
    assert_problem(await ada.get("/api/v1/faqs/search", params={"q": "a\0b"}), 422)


async def test_an_encoded_slash_leads_nowhere(ada: httpx.AsyncClient) -> None:
    conversation = (await ask(ada, "hi"))["conversation_id"]
    for slash in ("%2F", "%2f"):
        assert_problem(await ada.get(f"/api/v1/conversations/{conversation}{slash}messages"), 422)
    assert (await ada.get(f"/api/v1/conversations/{conversation}/messages")).status_code == 200


async def test_a_file_that_the_playground_has_not_is_a_problem_too(ada: httpx.AsyncClient) -> None:
    assert_problem(await ada.get("/langserve/support/playground/nothing.js"), 404)


async def test_a_wrong_tenant_header_is_403(ada: httpx.AsyncClient) -> None:
    assert_problem(await ada.get("/api/v1/me", headers={"x-tenant-id": "another-shop"}), 403)
    same = await ada.get("/api/v1/me", headers={"x-tenant-id": "bookshop"})
    assert same.json()["tenant"] == "bookshop"


async def test_no_identity_and_expired_tokens_are_401(anyone: httpx.AsyncClient, issuer: Issuer) -> None:
    response = await anyone.post("/api/v1/chat/", json={"message": "hi"})
    assert_problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    expired = bearer(issuer, "ada@example.com", seconds=-60)
    assert_problem(await anyone.get("/api/v1/me", headers=expired), 401)


async def test_a_long_message_is_answered_kindly(ada: httpx.AsyncClient) -> None:
    reply = (await ask(ada, "word " * 1000))["reply"]
    assert reply["route"] == "refused"


async def test_secure_headers_stand_on_every_answer(anyone: httpx.AsyncClient) -> None:
    for path in ("/api/v1/healthz", "/demo", "/api/v1/nothing"):
        headers = (await anyone.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "strict-transport-security" not in headers, "this one is reached by http"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-correlation-id"]


async def test_who_is_reached_by_https_is_reached_by_nothing_else() -> None:
    settings = Settings(public_url="https://desk.example")
    transport = httpx.ASGITransport(around(build_routes(settings), settings))
    async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as client:
        headers = (await client.get("/api/v1/healthz")).headers
    assert headers["strict-transport-security"] == "max-age=31536000"


async def test_no_label_of_a_metric_is_what_somebody_sent(anyone: httpx.AsyncClient) -> None:
    assert_problem(await anyone.request("PROPFIND", "/api/v1/who-sent-this"), 404)
    told = (await anyone.get("/metrics")).text
    assert 'method="other",route="unmatched"' in told
    assert "PROPFIND" not in told
    assert "who-sent-this" not in told
