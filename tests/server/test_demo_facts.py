"""The demo's known facts, through every door that speaks HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langserve import RemoteRunnable

from server.issuer import Issuer
from tests.server.conftest import bearer
from tests.server.wire import ask, read_events

FACTS: list[tuple[str, str, list[str]]] = [
    ("hi", "canned", ["Hello"]),
    ("How long does shipping take?", "canned", ["5-7 business days", "2-3"]),
    ("What is your return policy?", "canned", ["30 days"]),
    ("Which cards do you take?", "canned", ["Visa", "Mastercard", "American Express", "PayPal"]),
    ("Where is my order 100234?", "order", ["100234", "shipped"]),
    ("recommend me a mystery", "product", ["- "]),
    ("let me talk to a person", "handoff", ["person"]),
    ("asdkjh qwe", "fallback", ["person"]),
]


@pytest.mark.parametrize(("message", "route", "said"), FACTS)
async def test_json_and_stream_agree(
    ada: httpx.AsyncClient, message: str, route: str, said: list[str]
) -> None:
    reply = (await ask(ada, message))["reply"]
    assert reply["route"] == route
    assert all(part in reply["text"] for part in said)
    events = await read_events(ada, {"message": message})
    assert events[0]["event"] == "accepted"
    streamed = "".join(event["data"]["text"] for event in events if event["event"] == "token")
    assert streamed == events[-1]["data"]["reply"]["text"] == reply["text"]
    assert events[-1]["event"] == "done"


async def test_event_ids_grow_from_one(ada: httpx.AsyncClient) -> None:
    ids = [event["id"] for event in await read_events(ada, {"message": "hi"})]
    assert ids == list(range(1, len(ids) + 1))


async def test_recommends_three_titles_of_the_catalogue(ada: httpx.AsyncClient) -> None:
    from server.demo.data import load_books

    text = (await ask(ada, "recommend me a mystery"))["reply"]["text"]
    titles = [book.product.title for book in load_books() if book.product.title in text]
    assert len(titles) == 3


async def test_intents_have_their_names(ada: httpx.AsyncClient) -> None:
    assert (await ask(ada, "hi"))["reply"]["intent"] == "greeting"
    assert (await ask(ada, "How long does shipping take?"))["reply"]["intent"] == "shipping"


async def test_an_order_of_somebody_else_looks_unknown(ada: httpx.AsyncClient) -> None:
    foreign = (await ask(ada, "Where is my order 100235?"))["reply"]
    unknown = (await ask(ada, "Where is my order 999999?"))["reply"]
    assert foreign["text"].replace("100235", "N") == unknown["text"].replace("999999", "N")
    assert "processing" not in foreign["text"]


async def test_the_number_with_the_postcode_is_a_proof(grace: httpx.AsyncClient) -> None:
    first = await ask(grace, "Where is order 100234?")
    assert "shipped" not in first["reply"]["text"]
    second = await ask(grace, "the postcode is 90210", conversation_id=first["conversation_id"])
    assert "shipped" in second["reply"]["text"]


async def test_guessing_postcodes_ends_at_a_person(grace: httpx.AsyncClient) -> None:
    conversation: str | None = None
    replies: list[dict[str, Any]] = []
    for guess in range(7):
        body = await ask(grace, f"order 100234, postcode {10000 + guess}", conversation_id=conversation)
        conversation = body["conversation_id"]
        replies.append(body["reply"])
    assert "handoff" in [reply["route"] for reply in replies]
    assert all("shipped" not in reply["text"] for reply in replies)


async def test_a_faq_answer_is_word_for_word_and_cited(ada: httpx.AsyncClient) -> None:
    reply = (await ask(ada, "can I get my books gift wrapped and with a card?"))["reply"]
    if reply["route"] == "faq":
        assert reply["citations"][0]["quote"] == reply["text"]
    found = (await ada.get("/api/v1/faqs/search", params={"q": "gift wrapping"})).json()["results"]
    assert found
    assert found[0]["score"] > 0.5


async def test_personal_values_come_back_to_their_owner_but_are_stored_as_pseudonyms(
    ada: httpx.AsyncClient,
) -> None:
    sent = "my mail is ada.private@example.org, how long does shipping take?"
    reply = await ask(ada, sent)
    history = await ada.get("/api/v1/chat/history", params={"conversation_id": reply["conversation_id"]})
    assert history.json()["messages"][0]["text"] == sent


async def test_a_waiting_conversation_runs_no_graph(ada: httpx.AsyncClient) -> None:
    first = await ask(ada, "let me talk to a person")
    second = await ask(ada, "How long does shipping take?", conversation_id=first["conversation_id"])
    assert second["reply"]["route"] == "handoff"
    assert "screen" not in second["timings_ms"]
    shown = await ada.get(f"/api/v1/conversations/{first['conversation_id']}")
    assert shown.json()["mode"] == "human"
    assert shown.json()["messages"] == 4


async def test_langserve_gives_the_same_answers(base_url: str, issuer: Issuer) -> None:
    remote: RemoteRunnable[dict[str, str], dict[str, Any]] = RemoteRunnable(
        f"{base_url}/langserve/support", headers=bearer(issuer, "ada@example.com")
    )
    for message, route, said in FACTS:
        output = await remote.ainvoke({"message": message})
        assert output["reply"]["reply"]["route"] == route
        assert all(part in output["text"] for part in said)
        chunks = [chunk async for chunk in remote.astream({"message": message})]
        assert "".join(chunk.get("text", "") for chunk in chunks) == output["text"]
